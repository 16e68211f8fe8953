import FoundationEssentials

/// Reads processes from /proc. What has ended meanwhile, or may not be read, is empty.
enum ProcessReader {
  static func text(_ path: String) -> String {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  static func names(in directory: String) -> [String] {
    // A directory that is not there has no names.
    (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
  }

  static func link(_ path: String) -> String? {
    // A link that went meanwhile leads nowhere.
    try? FileManager.default.destinationOfSymbolicLink(atPath: path)
  }

  static func processes() -> [Int] { names(in: "/proc").compactMap(Int.init).sorted() }

  static func namespaces(of process: String) -> [String: String] {
    names(in: "/proc/\(process)/ns").reduce(into: [:]) { $0[$1] = link("/proc/\(process)/ns/\($1)") }
  }

  static func snapshot(of process: Int) -> ProcessSnapshot {
    let folder = "/proc/\(process)"
    var snapshot = ProcessSnapshot()
    snapshot.id = process
    snapshot.status = text("\(folder)/status")
    snapshot.userMap = text("\(folder)/uid_map")
    snapshot.groupMap = text("\(folder)/gid_map")
    snapshot.setGroups = text("\(folder)/setgroups")
    snapshot.mountInfo = text("\(folder)/mountinfo")
    snapshot.limitsText = text("\(folder)/limits")
    snapshot.controlGroups = text("\(folder)/cgroup")
    snapshot.namespaces = namespaces(of: String(process))
    snapshot.descriptors = names(in: "\(folder)/fd").compactMap(Int.init).sorted().compactMap { number in
      link("\(folder)/fd/\(number)").map { .init(number: number, target: $0, mount: mount(of: number, in: folder)) }
    }
    snapshot.isDumpable = owner("\(folder)/fd") != 0
    snapshot.variables = text("\(folder)/environ").split(separator: "\0").compactMap {
      $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).first.map(String.init)
    }
    return snapshot
  }

  private static func mount(of descriptor: Int, in folder: String) -> Int? {
    for line in text("\(folder)/fdinfo/\(descriptor)").split(separator: "\n") where line.hasPrefix("mnt_id:") {
      return Int(line.dropFirst("mnt_id:".count).split(whereSeparator: \.isWhitespace).first ?? "")
    }
    return nil
  }

  private static func attributes(_ path: String) -> [FileAttributeKey: Any] {
    // What went meanwhile has none.
    (try? FileManager.default.attributesOfItem(atPath: path)) ?? [:]
  }

  static func owner(_ path: String) -> Int? { number(attributes(path)[.ownerAccountID]) }
  static func group(_ path: String) -> Int? { number(attributes(path)[.groupOwnerAccountID]) }
  static func permissions(_ path: String) -> Int? { number(attributes(path)[.posixPermissions]) }
  static func kind(_ path: String) -> String? { (attributes(path)[.type] as? FileAttributeType)?.rawValue }

  private static func number(_ value: Any?) -> Int? { (value as? any BinaryInteger).map { Int(clamping: $0) } }
}
