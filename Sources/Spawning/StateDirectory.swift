import Glibc
package import LinuxSystem

/// The state directory as roostd lays it out, with the lock that says whose it is.
///
///     <state-dir>/          root, 1775: the supervisor's databases and credentials are its own, the directories below are not
///       artifacts/          root, 0770: unpacked code and layers, the supervisor's own, which sandboxes see through mounts alone
///       run/                root, 1775: the supervisor's sockets; `lock`, which is root's
///         root/             root, 0700: the unpacker's root
///       volumes/            root, 0700: backing files of /tmp
///
/// The group of all but the last two is that of the supervisor's user: it makes entries there, and, for the sticky bit, removes and renames
/// none but its own.
package struct StateDirectory: ~Copyable {
  package let descriptor: Descriptor
  /// Its one absolute path, whichever links and slashes the configuration has: what control groups and network objects are named after.
  package let path: String
  private let lock: LockFile

  /// Another roostd runs on this directory.
  package struct InUse: Error, CustomStringConvertible {
    package let path: String
    package var description: String { "\(path) is in use by another roostd" }
  }

  /// What may be there before the first start, beside our own directories when that was cut short: images, and what tools/quickstart puts there.
  private static let foundBefore: Set<String> = [
    "artifacts", "run", "volumes", "runtimes", "bin", "venv", "quickstart.log", "quickstart.pid", "roostd.log", "lost+found",
  ]

  /// Makes what is missing, sets owners and modes, and locks. What an earlier run left there is for ``Leftovers``.
  ///
  /// - Throws: ``RoostDaemon/Refusal`` for a directory that has something of somebody else's in it, ``InUse``, `SystemError`.
  package init(path: String, owner: UserAccount) throws {
    let components = path.split(separator: "/")
    let parentPath = "/" + components.dropLast().joined(separator: "/")
    try makeDirectories(parentPath)
    let root = UserAccount(userID: 0, groupID: 0)
    let parent = try Descriptor.open(parentPath, flags: O_RDONLY | O_DIRECTORY)
    if !Self.isLaidOut(at: path) { try Self.refuseForeign(path, in: parent, String(components.last ?? ".")) }
    let shared = UserAccount(userID: 0, groupID: owner.groupID)
    // From the top down: what an earlier release gave to the supervisor's user cannot be exchanged any more when its turn comes.
    let state = try parent.makeDirectory(String(components.last ?? "."), mode: 0o1775, owner: shared, orOpen: true)
    try state.makeDirectory("artifacts", mode: 0o770, owner: shared, orOpen: true)
    let run = try state.makeDirectory("run", mode: 0o1775, owner: shared, orOpen: true)
    try run.makeDirectory("root", mode: 0o700, owner: root, orOpen: true)
    try run.removeUnlessRoots("lock")
    guard let lock = try LockFile.acquire(in: run, name: "lock") else { throw InUse(path: path) }
    try state.makeDirectory("volumes", mode: 0o700, owner: root, orOpen: true)
    let ownPath = try state.path()
    self.lock = lock
    self.path = ownPath
    descriptor = state
  }

  /// A directory of somebody else's, named by mistake, is not taken from them: its owner and mode would be changed.
  private static func refuseForeign(_ path: String, in parent: borrowing Descriptor, _ name: String) throws {
    let strangers = try parent.names(in: name).filter { !foundBefore.contains($0) }
    guard let stranger = strangers.min() else { return }
    throw RoostDaemon.Refusal(
      status: 69, message: "\(path) is no state directory of a roostd, and has `\(stranger)` in it",
      hint: "name an empty directory, or one that is not there yet, with --state-dir")
  }

  /// Whether some roostd has laid out a state directory there: nothing may be cleaned, or given to another owner, that is none.
  static func isLaidOut(at path: String) -> Bool {
    guard unsafe access("\(path)/run/lock", F_OK) == 0 else { return false }
    // Whatever the reason why not, it is not one that can be cleaned.
    return (try? Descriptor.openDirectory(chosenByRoot: "\(path)/run/root")) != nil
  }
}

extension Descriptor {
  /// What is in the directory `name` of this one; nothing where there is none.
  fileprivate borrowing func names(in name: String) throws(SystemError) -> [String] {
    do {
      let directory = try Descriptor.openBeneath(directory: self, path: name, flags: O_RDONLY | O_DIRECTORY)
      return try directory.entries().map(\.name)
    } catch let error where error.errno == ENOENT { return [] }
  }

  /// Somebody else could hold it open, or locked, for ever.
  fileprivate borrowing func removeUnlessRoots(_ name: String) throws(SystemError) {
    do {
      let file = try Descriptor.openPlace(beneath: self, name)
      if try !file.isOnlyRoots() { try removeTree(name) }
    } catch let error where error.errno == ENOENT {}
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
