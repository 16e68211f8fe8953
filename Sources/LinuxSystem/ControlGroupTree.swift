import Glibc

/// roostd's own subtree in every hierarchy, beneath which each sandbox has its group.
package final class ControlGroupTree: Sendable {
  package let layout: ControlGroupLayout
  package let name: String
  /// In the order of the layout.
  let directories: [ControlGroupDirectory]
  private let roots: [ControlGroupDirectory]

  /// Makes the subtree, or takes over one that is there (its leftovers stay until ``reapLeftovers(within:)``), and on v2 hands memory,
  /// cpu, pids and hugetlb down to it.
  package init(layout: ControlGroupLayout, name: String) throws(SystemError) {
    self.layout = layout
    self.name = name
    var roots: [ControlGroupDirectory] = []
    var directories: [ControlGroupDirectory] = []
    for hierarchy in layout.hierarchies {
      let root = try ControlGroupDirectory(rootOf: hierarchy)
      // From the top down: a group can hand on only what was handed to it.
      try root.enableControllers()
      let directory = try root.makeChild(name, orOpen: true)
      try directory.enableControllers()
      try directory.weigh(asProcessors: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
      try directory.refuseHugePages()
      // Switched on here once, for good: the kernel rewrites its own code each time that the first group begins to count.
      if hierarchy.version == .v1 { try directory.writeIfPresent("-1", to: "memory.kmem.tcp.limit_in_bytes") }
      roots.append(root)
      directories.append(directory)
    }
    self.roots = roots
    self.directories = directories
  }

  /// The subtree as an earlier run has left it, in whichever hierarchies it stands; nothing is made.
  package init?(leftAs name: String, layout: ControlGroupLayout) throws(SystemError) {
    self.layout = layout
    self.name = name
    var roots: [ControlGroupDirectory] = []
    var directories: [ControlGroupDirectory] = []
    for hierarchy in layout.hierarchies {
      let root = try ControlGroupDirectory(rootOf: hierarchy)
      if let directory = try root.child(name) { directories.append(directory) }
      roots.append(root)
    }
    guard !directories.isEmpty else { return nil }
    self.roots = roots
    self.directories = directories
  }

  /// The descriptors of all its directories, good for as long as this value lives.
  package var directoryNumbers: [CInt] { directories.map { $0.descriptor.rawValue } }

  /// The directory in the v2 tree once more; `nil` on pure v1.
  package func unifiedDirectory() throws(SystemError) -> Descriptor? {
    try directories.first { $0.hierarchy.version == .v2 }?.descriptor.duplicate()
  }

  /// The directory in the tree that has this controller, once more; `nil` when none has.
  package func directory(with controller: ControlGroupLayout.Controller) throws(SystemError) -> Descriptor? {
    try directories.first { $0.hierarchy.controllers.contains(controller) }?.descriptor.duplicate()
  }

  /// `roost-` and 8 hexadecimal digits made of the state directory's path: hosts with different state directories can stand side by
  /// side, and one finds its own again after a crash.
  package static func name(forStateDirectory path: String) -> String {
    // FNV-1a, 32 bits: it has to be the same in every run and build, which Hasher is not.
    let hash = path.utf8.reduce(2_166_136_261 as UInt32) { ($0 ^ UInt32($1)) &* 16_777_619 }
    let digits = String(hash, radix: 16)
    return "roost-" + String(repeating: "0", count: 8 - digits.count) + digits
  }

  /// Ends every process in the subtree and removes every group beneath it. To be called before the first sandbox, by the one process
  /// that holds the state directory's lock.
  ///
  /// - Returns: how many groups were found.
  /// - Throws: EBUSY when processes are still there after `limit`.
  @discardableResult
  package func reapLeftovers(within limit: Duration = .seconds(10)) throws(SystemError) -> Int {
    let deadline = ContinuousClock.now + limit
    let names = try leftovers()
    for name in names { try group(name).killAll() }
    for name in names {
      try group(name).remove(within: max(.zero, ContinuousClock.now.duration(to: deadline)))
    }
    return names.count
  }

  /// Ends every process in the groups whose name begins with `prefix`, and removes those.
  ///
  /// - Returns: their names.
  /// - Throws: EBUSY when processes are still there after `limit`.
  package func endServices(named prefix: String, within limit: Duration = .seconds(10)) throws(SystemError) -> [String] {
    let deadline = ContinuousClock.now + limit
    let names = try leftovers().filter { $0.hasPrefix(prefix) }.sorted()
    for name in names { try group(name).killAll() }
    for name in names { try group(name).remove(within: max(.zero, ContinuousClock.now.duration(to: deadline))) }
    return names
  }

  /// Removes the empty subtree itself.
  package func remove() throws(SystemError) {
    for root in roots { try root.removeChild(name, within: .seconds(1)) }
  }

  /// The group of that name, as far as it is there.
  private func group(_ name: String) throws(SystemError) -> ControlGroup {
    var members: [ControlGroupDirectory] = []
    for directory in directories {
      if let member = try directory.child(name) { members.append(member) }
    }
    return ControlGroup(name: name, tree: self, members: members)
  }

  /// The groups beneath, by name, each with the processes that are still in it.
  package func leftProcesses() throws(SystemError) -> [String: Set<Int32>] {
    var found: [String: Set<Int32>] = [:]
    for name in try leftovers() {
      found[name] = []
      for directory in directories {
        guard let member = try directory.child(name) else { continue }
        found[name]?.formUnion(try member.listedProcesses())
      }
    }
    return found
  }

  private func leftovers() throws(SystemError) -> Set<String> {
    var names: Set<String> = []
    for directory in directories { names.formUnion(try directory.childNames()) }
    return names
  }
}
