import Glibc
package import LinuxSystem

/// Something that an earlier run of roostd on the same state directory has left, because it was killed before it could remove it.
package struct Leftover: Sendable, Hashable {
  /// What it is, as in `control group`.
  package let kind: String
  /// What an administrator finds it by.
  package let name: String
  /// More about it, as in `processes 4711, 4712`; empty where there is nothing to say.
  package var detail = ""
}

/// A kind of things that outlive a roostd that is killed.
///
/// Each knows its own by a name that holds the state directory, or by a place in it, so that hosts with different state directories never
/// touch each other's. Most of what roostd makes is of no such kind: detached mounts, loop devices and their nameless files, namespaces
/// and the processes in them go with the last descriptor, and so with roostd.
protocol LeftoverKind {
  func find() throws -> [Leftover]
  /// Removes everything that ``find()`` tells of; of several, what cannot be removed keeps no other from being.
  func remove() throws
}

/// All kinds of leftovers of one state directory: the one list that a start and `roostd --clean` work through.
package struct Leftovers {
  private let kinds: [any LeftoverKind]

  /// - Parameters:
  ///   - state: locked, so that nothing of it belongs to a roostd that lives.
  ///   - name: of roostd's own control groups.
  package init(
    of state: borrowing StateDirectory, controlGroups name: String, layout: ControlGroupLayout
  ) throws(SystemError) {
    // Processes first: they could go on making the others.
    kinds = [
      ControlGroupLeftovers(name: name, layout: layout),
      try NetworkLeftovers(name: name),
      try FileLeftovers("volume file", in: "volumes", of: state) { _ in true },
      try FileLeftovers("half-made artefact", in: "artifacts", of: state) { $0.hasPrefix(".incoming-") },
      try FileLeftovers("socket", in: "run", of: state) { $0.hasSuffix(".sock") },
    ]
  }

  package func find() throws -> [Leftover] { try kinds.flatMap { try $0.find() } }

  /// Removes all of them and tells what is gone, kind by kind. What cannot be removed keeps no other kind from being.
  ///
  /// - Returns: the failures.
  package func reap(tellTo tell: (Leftover) -> Void) -> [any Error] {
    var failures: [any Error] = []
    for kind in kinds {
      do {
        let found = try kind.find()
        do { try kind.remove() } catch { failures.append(error) }
        let left = Set(try kind.find())
        found.filter { !left.contains($0) }.forEach(tell)
      } catch {
        failures.append(error)
      }
    }
    return failures
  }
}

/// The subtree of control groups, with every process in it.
private struct ControlGroupLeftovers: LeftoverKind {
  let name: String
  let layout: ControlGroupLayout

  func find() throws -> [Leftover] {
    guard let tree = try ControlGroupTree(leftAs: name, layout: layout) else { return [] }
    let groups = try tree.leftProcesses().sorted { ($0.key.utf8.count, $0.key) < ($1.key.utf8.count, $1.key) }
    return groups.map { group, processes in
      let list = processes.sorted().map(String.init).joined(separator: ", ")
      return Leftover(kind: "control group", name: "\(name)/\(group)", detail: processes.isEmpty ? "" : "processes \(list)")
    } + [Leftover(kind: "control group", name: name)]
  }

  func remove() throws {
    guard let tree = try ControlGroupTree(leftAs: name, layout: layout) else { return }
    try tree.reapLeftovers()
    try tree.remove()
  }
}

/// Entries of one directory of the state directory: files and whole trees.
private struct FileLeftovers: LeftoverKind {
  let kind: String
  let path: String
  let directory: DirectoryHandle
  let isLeft: (String) -> Bool

  init(
    _ kind: String, in name: String, of state: borrowing StateDirectory, isLeft: @escaping (String) -> Bool
  ) throws(SystemError) {
    self.kind = kind
    self.isLeft = isLeft
    path = "\(state.path)/\(name)"
    directory = DirectoryHandle(
      try Descriptor.openBeneath(directory: state.descriptor, path: name, flags: O_RDONLY | O_DIRECTORY))
  }

  private func entries() throws(SystemError) -> [DirectoryEntry] {
    try directory.descriptor.entries().filter { isLeft($0.name) }
  }

  func find() throws -> [Leftover] {
    try entries().map(\.name).sorted().map { Leftover(kind: kind, name: "\(path)/\($0)") }
  }

  func remove() throws {
    var failure: SystemError?
    // A subvolume goes whole, whatever its tenant left in it.
    for entry in try entries() where !directory.descriptor.deleteSubvolume(entry.name) {
      do { try directory.descriptor.removeTree(entry) } catch { failure = failure ?? error.about("\(path)/\(entry.name): \(error.object)") }
    }
    if let failure { throw failure }
  }
}

/// A descriptor that several values may hold.
private final class DirectoryHandle {
  let descriptor: Descriptor
  init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
}
