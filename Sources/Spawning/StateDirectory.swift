import Glibc
package import LinuxSystem

/// The state directory as roostd lays it out, with the lock that says whose it is.
///
///     <state-dir>/          supervisor's user, 0755
///       artifacts/          supervisor's user, 0700: unpacked code and layers, which sandboxes see through mounts alone
///       run/                supervisor's user, 0755: sockets, `lock`
///         root/             root, 0700: the unpacker's root
///       volumes/            root, 0700: backing files of /tmp
package struct StateDirectory: ~Copyable {
  package let descriptor: Descriptor
  private let lock: LockFile

  /// Another roostd runs on this directory.
  package struct InUse: Error, CustomStringConvertible {
    package let path: String
    package var description: String { "\(path) is in use by another roostd" }
  }

  /// Makes what is missing, sets owners and modes, locks, and removes what an earlier run left.
  package init(path: String, owner: UserAccount) throws {
    let components = path.split(separator: "/")
    let parentPath = "/" + components.dropLast().joined(separator: "/")
    try makeDirectories(parentPath)
    let root = UserAccount(userID: 0, groupID: 0)
    let parent = try Descriptor.open(parentPath, flags: O_RDONLY | O_DIRECTORY)
    let state = try parent.makeDirectory(String(components.last ?? "."), mode: 0o755, owner: owner, orOpen: true)
    try state.makeDirectory("artifacts", mode: 0o700, owner: owner, orOpen: true)
    let run = try state.makeDirectory("run", mode: 0o755, owner: owner, orOpen: true)
    try run.makeDirectory("root", mode: 0o700, owner: root, orOpen: true)
    guard let lock = try LockFile.acquire(in: run, name: "lock") else { throw InUse(path: path) }
    let volumes = try state.makeDirectory("volumes", mode: 0o700, owner: root, orOpen: true)
    // A subvolume goes whole, however deep the trees that its tenant left in it.
    for entry in try volumes.entries() where !volumes.deleteSubvolume(entry.name) { try volumes.removeTree(entry.name) }
    self.lock = lock
    descriptor = state
  }
}

/// mkdir -p; what is there stays as it is. Links of others than root are not followed.
package func makeDirectories(_ path: String) throws(SystemError) {
  var made = ""
  for component in path.split(separator: "/") {
    let parent = try Descriptor.openDirectory(chosenByRoot: made)
    made += "/\(component)"
    do {
      try parent.makeDirectory(String(component), mode: 0o755)
    } catch  where error.errno == EEXIST {
      continue
    }
  }
}
