import CLinux

/// A user of the host, by number.
package struct UserAccount: Sendable, Hashable {
  package let userID: UInt32
  /// The user's first group.
  package let groupID: UInt32

  package init(userID: UInt32, groupID: UInt32) {
    self.userID = userID
    self.groupID = groupID
  }

  /// The account of that name; `nil` when there is none. getpwnam_r(3), which may ask the network where the host is set up so.
  package static func named(_ name: String) throws(SystemError) -> UserAccount? {
    var user: UInt32 = 0
    var group: UInt32 = 0
    let answer = unsafe clinux_user(name, &user, &group)
    return try checked(answer, "getpwnam_r", name) == 1 ? UserAccount(userID: user, groupID: group) : nil
  }
}
