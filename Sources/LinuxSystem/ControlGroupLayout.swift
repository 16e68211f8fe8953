import Glibc

/// Where this host keeps its control groups: on v2 in one tree, on v1 in one tree per controller, and on a hybrid host in both.
///
/// Freeze and kill go by the v2 tree wherever there is one, with controllers or without: tasks frozen by v1 cannot be killed, and v1
/// freezes thirty times more slowly.
package struct ControlGroupLayout: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    /// Controllers on v1, and no v2 tree.
    case v1
    /// Controllers on v1, and a v2 tree beside them.
    case hybrid
    /// Controllers on v2.
    case v2
  }

  /// The controllers that Roost uses.
  package enum Controller: String, Sendable, Hashable, CaseIterable {
    case memory, cpu, cpuacct, pids, freezer, hugetlb
  }

  /// One mounted tree and what it is used for.
  package struct Hierarchy: Sendable, Hashable {
    package enum Version: Sendable, Hashable { case v1, v2 }

    package let version: Version
    package let mountPoint: String
    /// Of v2 `memory`, `cpu`, `pids` and `hugetlb`, or none on a hybrid host; of v1 at least one.
    package let controllers: Set<Controller>
  }

  /// The trees in which every sandbox has a group: v2 first, v1's `cpu` last, because a task that enters it loses its place in the run
  /// queue.
  package let hierarchies: [Hierarchy]

  package var kind: Kind {
    guard let first = hierarchies.first, first.version == .v2 else { return .v1 }
    return hierarchies.count == 1 ? .v2 : .hybrid
  }

  /// The tree that has this controller; `nil` when the kernel has it nowhere.
  package func hierarchy(with controller: Controller) -> Hierarchy? {
    hierarchies.first { $0.controllers.contains(controller) }
  }

  package var unified: Hierarchy? { hierarchies.first { $0.version == .v2 } }

  /// The controllers that no tree offers and sandboxes need.
  package var missing: Set<Controller> {
    Set([.memory, .cpu, .pids]).filter { hierarchy(with: $0) == nil }
  }

  /// Reads `/proc/self/mountinfo` and, where v2 is mounted, which controllers are its own.
  package static func detect() throws(SystemError) -> ControlGroupLayout {
    let file = try Descriptor.open("/proc/self/mountinfo", flags: O_RDONLY)
    let mounts = ControlGroupMount.all(in: String(decoding: try file.readAll(limit: 1 << 24), as: UTF8.self))
    var controllers = ""
    if let unified = mounts.first(where: { $0.version == .v2 }) {
      controllers = try Descriptor.open(unified.mountPoint + "/cgroup.controllers", flags: O_RDONLY).readText()
    }
    return ControlGroupLayout(mounts: mounts, unifiedControllers: controllers)
  }

  /// From the text of `/proc/self/mountinfo` and that of the v2 tree's `cgroup.controllers`.
  package init(mountInfo: String, unifiedControllers: String) {
    self.init(mounts: ControlGroupMount.all(in: mountInfo), unifiedControllers: unifiedControllers)
  }

  private init(mounts: [ControlGroupMount], unifiedControllers: String) {
    let offered = Set(unifiedControllers.split(whereSeparator: \.isWhitespace).map(String.init))
    var wanted = Set(Controller.allCases)
    var found: [Hierarchy] = []
    if let unified = mounts.first(where: { $0.version == .v2 }) {
      let own = Set([Controller.memory, .cpu, .pids, .hugetlb].filter { offered.contains($0.rawValue) })
      found.append(Hierarchy(version: .v2, mountPoint: unified.mountPoint, controllers: own))
      // CPU statistics come with v2's cpu controller, and freezing with the tree itself.
      wanted.subtract(own)
      wanted.remove(.freezer)
      if own.contains(.cpu) { wanted.remove(.cpuacct) }
    }
    for mount in mounts where mount.version == .v1 {
      let own = wanted.filter { mount.options.contains($0.rawValue) }
      guard !own.isEmpty else { continue }
      wanted.subtract(own)
      found.append(Hierarchy(version: .v1, mountPoint: mount.mountPoint, controllers: own))
    }
    hierarchies = found.filter { !$0.isOrdinaryCPU } + found.filter(\.isOrdinaryCPU)
  }
}

extension ControlGroupLayout.Hierarchy {
  fileprivate var isOrdinaryCPU: Bool { version == .v1 && controllers.contains(.cpu) }
}

/// A line of mountinfo that mounts control groups.
private struct ControlGroupMount {
  let version: ControlGroupLayout.Hierarchy.Version
  let mountPoint: String
  let options: Set<String>

  static func all(in mountInfo: String) -> [ControlGroupMount] {
    mountInfo.split(separator: "\n").compactMap(ControlGroupMount.init)
  }

  /// `31 23 0:28 / /mount/point rw,relatime shared:9 - cgroup cgroup rw,memory`: see proc(5). The optional fields end with ` - `.
  private init?(line: Substring) {
    let fields = line.split(separator: " ")
    guard let dash = fields.firstIndex(of: "-"), dash > 5, fields.count > dash + 3 else { return nil }
    switch fields[dash + 1] {
    case "cgroup": version = .v1
    case "cgroup2": version = .v2
    default: return nil
    }
    mountPoint = fields[4].withoutOctalEscapes
    options = Set(fields[dash + 3].split(separator: ",").map(String.init))
  }
}

extension Substring {
  /// mountinfo writes space, tab, newline and backslash as `\040`, `\011`, `\012` and `\134`.
  fileprivate var withoutOctalEscapes: String {
    var bytes: [UInt8] = []
    var rest = utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8) {
        bytes.append(code)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
