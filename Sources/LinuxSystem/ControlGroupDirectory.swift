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

extension ControlGroupDirectory {
  /// v2: hands this hierarchy's controllers down to the groups in this one.
  func enableControllers() throws(SystemError) {
    guard hierarchy.version == .v2, !hierarchy.controllers.isEmpty else { return }
    let enabled = Set(try read("cgroup.subtree_control").split(whereSeparator: \.isWhitespace).map(String.init))
    let wanted = hierarchy.controllers.map(\.rawValue).filter { !enabled.contains($0) }.sorted()
    guard !wanted.isEmpty else { return }
    try write(wanted.map { "+\($0)" }.joined(separator: " "), to: "cgroup.subtree_control")
  }

  /// Gives the group, against its siblings, the weight of one ordinary task on each of `count` processors. With the default all of
  /// a busy host's sandboxes together would weigh as much as a single task beside the group.
  func weigh(asProcessors count: Int) throws(SystemError) {
    try writeIfPresent("\(min(262_144, 1_024 * max(1, count)))", to: "cpu.shares")
    if hierarchy.version == .v2 { try writeIfPresent("\(min(10_000, 100 * max(1, count)))", to: "cpu.weight") }
  }
}

extension ControlGroupDirectory {
  /// No huge page for the group and those in it: no memory limit counts them. Where the hierarchy has the hugetlb controller; a limit for
  /// each size of page, on what is used and on what is reserved.
  func refuseHugePages() throws(SystemError) {
    guard hierarchy.controllers.contains(.hugetlb) else { return }
    for name in try descriptor.entries().map(\.name) where name.hasPrefix("hugetlb.") {
      if name.hasSuffix(".max") || name.hasSuffix(".limit_in_bytes") { try write("0", to: name) }
    }
  }
}

extension SystemError {
  /// The same answer, told of the object's full name.
  package func about(_ object: String) -> SystemError {
    SystemError(call: call, object: object, errno: errno)
  }
}
