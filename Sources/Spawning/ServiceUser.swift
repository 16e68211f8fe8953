import Glibc
package import LinuxSystem

/// The user that the supervisor runs as, with all groups that the host gives it.
package struct ServiceUser: Sendable, Hashable {
  package let name: String
  package let account: UserAccount
  let groups: [UInt32]

  /// `nil` when the host has no such user. Root is nobody that a supervisor may be.
  package init?(named name: String) throws(SystemError) {
    guard let account = try UserAccount.named(name), account.userID != 0 else { return nil }
    self.name = name
    self.account = account
    groups = ServiceUser.groups(of: name, account)
  }

  /// getgrouplist(3).
  private static func groups(of name: String, _ account: UserAccount) -> [UInt32] {
    var count: Int32 = 64
    while true {
      var groups = [gid_t](repeating: 0, count: Int(count))
      let room = count
      if unsafe getgrouplist(name, account.groupID, &groups, &count) >= 0 { return Array(groups.prefix(Int(count))) }
      // Too little room; it has said how many there are, on some systems only that there are more.
      count = max(count, room * 2)
    }
  }
}
