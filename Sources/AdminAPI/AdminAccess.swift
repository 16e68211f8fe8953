import FoundationEssentials
import Glibc

/// Who may use the admin socket: root, the daemon's own user, and the members of the daemon's group. Each may do everything.
///
/// The socket's mode (0660) keeps others from connecting at all; this is the second lock, and it knows the peer's name for the log.
package struct AdminAccess: Sendable {
  package var user: UInt32
  package var group: UInt32
  /// Reads the group database, in the format of group(5), and the user database, in that of passwd(5).
  package var databases: @Sendable () -> (groups: String, users: String)

  package init(user: UInt32, group: UInt32, databases: @escaping @Sendable () -> (groups: String, users: String)) {
    self.user = user
    self.group = group
    self.databases = databases
  }

  /// For the running process, with the databases read anew for each decision that needs them: membership may change while it runs.
  package static var ofThisProcess: AdminAccess {
    AdminAccess(user: geteuid(), group: getegid()) {
      // A host without these files has no further members.
      (groups: text(at: "/etc/group"), users: text(at: "/etc/passwd"))
    }
  }

  /// SO_PEERCRED tells the peer's primary group alone, so that further members are looked up by name.
  package func permits(_ peer: PeerCredentials) -> Bool {
    if peer.user == 0 || peer.user == user || peer.group == group { return true }
    let (groups, users) = databases()
    guard let name = Self.name(of: peer.user, in: users) else { return false }
    return Self.members(of: group, in: groups).contains(name)
  }

  /// `name:password:gid:member,member`
  static func members(of group: UInt32, in database: String) -> [Substring] {
    for line in database.split(separator: "\n") {
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      if fields.count >= 4, UInt32(fields[2]) == group { return fields[3].split(separator: ",") }
    }
    return []
  }

  /// `name:password:uid:gid:…`
  static func name(of user: UInt32, in database: String) -> Substring? {
    for line in database.split(separator: "\n") {
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      if fields.count >= 4, UInt32(fields[2]) == user { return fields[0] }
    }
    return nil
  }

  private static func text(at path: String) -> String {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }
}
