import Glibc

/// One directory in one hierarchy.
final class ControlGroupDirectory: Sendable {
  let hierarchy: ControlGroupLayout.Hierarchy
  let path: String
  let descriptor: Descriptor

  init(hierarchy: ControlGroupLayout.Hierarchy, path: String, descriptor: consuming Descriptor) {
    self.hierarchy = hierarchy
    self.path = path
    self.descriptor = descriptor
  }

  /// The root of a hierarchy.
  convenience init(rootOf hierarchy: ControlGroupLayout.Hierarchy) throws(SystemError) {
    let root = try Descriptor.open(hierarchy.mountPoint, flags: O_RDONLY | O_DIRECTORY)
    self.init(hierarchy: hierarchy, path: hierarchy.mountPoint, descriptor: root)
  }

  /// The group `name` in this one; `nil` when there is none.
  func child(_ name: String) throws(SystemError) -> ControlGroupDirectory? {
    do {
      let child = try Descriptor.openBeneath(directory: descriptor, path: name, flags: O_RDONLY | O_DIRECTORY)
      return ControlGroupDirectory(hierarchy: hierarchy, path: "\(path)/\(name)", descriptor: child)
    } catch let error where error.errno == ENOENT {
      return nil
    } catch {
      throw error.about("\(path)/\(name)")
    }
  }

  func makeChild(_ name: String, orOpen: Bool = false) throws(SystemError) -> ControlGroupDirectory {
    do {
      let child = try descriptor.makeDirectory(name, mode: 0o755, orOpen: orOpen)
      return ControlGroupDirectory(hierarchy: hierarchy, path: "\(path)/\(name)", descriptor: child)
    } catch {
      throw error.about("\(path)/\(name)")
    }
  }

  func childNames() throws(SystemError) -> [String] {
    try descriptor.entries().filter { $0.kind == .directory }.map(\.name)
  }

  func open(_ file: String, flags: Int32) throws(SystemError) -> Descriptor {
    do {
      return try Descriptor.openBeneath(directory: descriptor, path: file, flags: flags)
    } catch {
      throw error.about("\(path)/\(file)")
    }
  }

  /// As ``open(_:flags:)``, with `nil` where this kernel has no such file.
  func openIfPresent(_ file: String, flags: Int32) throws(SystemError) -> Descriptor? {
    do { return try open(file, flags: flags) } catch let error where error.errno == ENOENT { return nil }
  }

  func write(_ text: String, to file: String) throws(SystemError) {
    let descriptor = try open(file, flags: O_WRONLY)
    do { try descriptor.write(text) } catch { throw error.about("\(path)/\(file)") }
  }

  func writeIfPresent(_ text: String, to file: String) throws(SystemError) {
    guard let descriptor = try openIfPresent(file, flags: O_WRONLY) else { return }
    do { try descriptor.write(text) } catch { throw error.about("\(path)/\(file)") }
  }

  func read(_ file: String) throws(SystemError) -> String {
    let descriptor = try open(file, flags: O_RDONLY)
    do { return try descriptor.readText() } catch { throw error.about("\(path)/\(file)") }
  }
}

extension SystemError {
  /// The same answer, told of the object's full name.
  func about(_ object: String) -> SystemError {
    SystemError(call: call, object: object, errno: errno)
  }
}

/// roostd's own subtree in every hierarchy, beneath which each sandbox has its group.
package final class ControlGroupTree: Sendable {
  package let layout: ControlGroupLayout
  package let name: String
  /// In the order of the layout.
  let directories: [ControlGroupDirectory]
  private let roots: [ControlGroupDirectory]

  /// Makes the subtree, or takes over one that is there (its leftovers stay until ``reapLeftovers(within:)``), and on v2 hands memory,
  /// cpu and pids down to it.
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
      roots.append(root)
      directories.append(directory)
    }
    self.roots = roots
    self.directories = directories
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

  private func leftovers() throws(SystemError) -> Set<String> {
    var names: Set<String> = []
    for directory in directories { names.formUnion(try directory.childNames()) }
    return names
  }
}

extension ControlGroupDirectory {
  /// v2: hands this hierarchy's controllers down to the groups in this one.
  fileprivate func enableControllers() throws(SystemError) {
    guard hierarchy.version == .v2, !hierarchy.controllers.isEmpty else { return }
    let enabled = Set(try read("cgroup.subtree_control").split(whereSeparator: \.isWhitespace).map(String.init))
    let wanted = hierarchy.controllers.map(\.rawValue).filter { !enabled.contains($0) }.sorted()
    guard !wanted.isEmpty else { return }
    try write(wanted.map { "+\($0)" }.joined(separator: " "), to: "cgroup.subtree_control")
  }
}
