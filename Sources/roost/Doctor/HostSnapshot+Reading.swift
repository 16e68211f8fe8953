import FoundationEssentials
import FunctionModel
import LinuxSystem

extension HostSnapshot {
  /// Looks at this host. What cannot be read stays empty, and the table then says that it is missing.
  static func ofThisHost(stateDirectory: String, runtimesDirectory: String, daemon: HostFacts?) -> HostSnapshot {
    var host = HostSnapshot()
    host.kernelRelease = text("/proc/sys/kernel/osrelease").trimmed
    host.readControlGroups()
    host.namespaces = Set(names(in: "/proc/self/ns"))
    host.settings = settings([
      "user.max_user_namespaces", "kernel.unprivileged_userns_clone", "kernel.apparmor_restrict_unprivileged_userns",
    ])
    host.filesystems = text("/proc/filesystems")
    let modules = "/lib/modules/\(host.kernelRelease)"
    host.modules = text("\(modules)/modules.dep") + text("\(modules)/modules.builtin")
    host.seccompActions = text("/proc/sys/kernel/seccomp/actions_avail")
    host.systemCalls = Set(SystemCallProbe.allCases.filter(\.isAvailable))
    host.hasLoopControl = FileManager.default.fileExists(atPath: "/dev/loop-control")
    host.makeFilesystem = tool("mke2fs")
    host.landlockVersion = Landlock.version
    host.packetFilterProgram = FileManager.default.isExecutableFile(atPath: Self.nft) ? Self.nft : nil
    host.packetFilter = .ofThisHost()
    host.stateDirectory = stateDirectory
    host.freeBytes = freeBytes(for: stateDirectory)
    // A user database that cannot be asked has no such user for the daemon either.
    host.daemonUser = try? UserAccount.named("roost")
    host.runtimesDirectory = runtimesDirectory
    // An image is finished when its list of contents stands in it: that is written last.
    host.runtimes = names(in: runtimesDirectory).filter {
      FileManager.default.fileExists(atPath: "\(runtimesDirectory)/\($0)/etc/roost/image.json")
    }.sorted()
    host.daemon = daemon
    return host
  }

  private static let nft = "/usr/sbin/nft"

  private mutating func readControlGroups() {
    mountInfo = Self.text("/proc/self/mountinfo")
    guard let root = controlGroups.unified?.mountPoint else { return }
    unifiedControllers = Self.text("\(root)/cgroup.controllers")
    for name in Self.names(in: root) {
      let files = Self.names(in: "\(root)/\(name)")
      if files.contains("cgroup.procs") { unifiedGroupFiles = Set(files) }
    }
  }

  private static func text(_ path: String) -> String {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  private static func names(in directory: String) -> [String] {
    // A directory that is not there has no names.
    (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
  }

  private static func settings(_ names: [String]) -> [String: Int] {
    names.reduce(into: [:]) { values, name in
      values[name] = Int(text("/proc/sys/" + name.replacing(".", with: "/")).trimmed)
    }
  }

  /// Where administrators' programs are, whatever the caller's PATH: roostd runs as root.
  private static func tool(_ name: String) -> String? {
    ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"].map { "\($0)/\(name)" }.first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
  }

  private static func freeBytes(for directory: String) -> Int64? {
    var path = URL(filePath: directory)
    while path.path != "/", !FileManager.default.fileExists(atPath: path.path) { path.deleteLastPathComponent() }
    // Without an answer the table says so.
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: path.path)
    return attributes?[.systemFreeSize].flatMap { ($0 as? any BinaryInteger).map { Int64(clamping: $0) } }
  }
}

extension String {
  fileprivate var trimmed: String { String(split(whereSeparator: \.isWhitespace).first ?? "") }
}
