import Glibc
package import LinuxSystem

/// Where a roostd says which control groups its supervisors are in, for the start after its death.
///
/// A supervisor that has been taken over may outlive a roostd that was killed, and has the uid of the program that reads the configuration
/// for the next one: it could stop that program, or speak in its name. So it has to go first, when the state directory, after which its
/// groups are named, is not known yet. Hence a place that every roostd of the host knows:
///
///     /run/roostd/                  root, 0700
///       <uid>.<control groups>      empty, and locked as long as that roostd lives
package struct SupervisorRecord: ~Copyable {
  package static let directory = "/run/roostd"
  /// Another start may be looking at it for as long as processes take to die.
  private static let patience = Duration.seconds(15)

  private let places: Descriptor
  private let name: String
  private let lock: LockFile

  /// To be made before the first supervisor of `user` is started in a group of `controlGroups`.
  ///
  /// - Throws: EAGAIN when another process holds the record; mkdirat(2), openat2(2), fcntl(2).
  package init(of user: UInt32, controlGroups: String) throws(SystemError) {
    let places = try Self.openPlaces()
    let name = "\(user).\(controlGroups)"
    lock = try Self.lock(name, in: places)
    self.name = name
    self.places = places
  }

  private static func lock(_ name: String, in places: borrowing Descriptor) throws(SystemError) -> LockFile {
    let deadline = ContinuousClock.now + patience
    let poller = try Poller()
    while ContinuousClock.now < deadline {
      if let lock = try LockFile.acquire(in: places, name: name) { return lock }
      _ = try poller.wait(timeout: .milliseconds(20))
    }
    throw SystemError(call: "fcntl SETLK", object: "\(directory)/\(name)", errno: EAGAIN)
  }

  /// When no supervisor is left. unlinkat(2).
  package consuming func remove() throws(SystemError) { try places.remove(name) }

  private static func openPlaces() throws(SystemError) -> Descriptor {
    try makeDirectories("/run")
    let root = UserAccount(userID: 0, groupID: 0)
    return try Descriptor.openDirectory(chosenByRoot: "/run").makeDirectory("roostd", mode: 0o700, owner: root, orOpen: true)
  }

  /// Ends what is left of the supervisors of `user` whose roostd is dead, and nothing else.
  ///
  /// - Returns: the control groups that there were.
  /// - Throws: EBUSY when one cannot be ended.
  package static func endOrphans(of user: UInt32, layout: ControlGroupLayout) throws(SystemError) -> [String] {
    let places = try openPlaces()
    var ended: [String] = []
    for name in try places.entries().map(\.name).sorted() {
      let parts = name.split(separator: ".", maxSplits: 1)
      guard parts.count == 2, UInt32(parts[0]) == user else { continue }
      // Locked: its roostd lives.
      guard let lock = try LockFile.acquire(in: places, name: name) else { continue }
      ended += try endServices(of: String(parts[1]), layout)
      try places.remove(name)
      withExtendedLifetime(lock) {}
    }
    return ended
  }

  private static func endServices(of name: String, _ layout: ControlGroupLayout) throws(SystemError) -> [String] {
    guard let tree = try ControlGroupTree(leftAs: name, layout: layout) else { return [] }
    return try tree.endServices(named: SupervisorGroup.prefix).map { "\(name)/\($0)" }
  }
}
