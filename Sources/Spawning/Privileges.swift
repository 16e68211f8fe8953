import CSandbox
import Glibc
import LinuxSystem

/// What roostd may do on the host, and nothing else: its capabilities in every set, and the system calls that it has left.
///
/// Root's uid alone opens what root owns; everything beyond that is one of these. A capability belongs to a thread, so that both steps
/// happen while there is only one.
enum Privileges {
  struct Capability: Sendable, Hashable {
    let name: String
    /// As in linux/capability.h.
    let number: UInt64
    let reason: String
    var need = Need.always
  }

  enum Need: Sendable, Hashable, CaseIterable {
    case always
    /// Given up for good when the state directory stands.
    case atStart
    /// Laid aside from then on, and taken up again at the end.
    case atStartAndEnd
  }

  static let kept: [Capability] = [
    Capability(name: "CHOWN", number: 0, reason: "gives the supervisor its directories", need: .atStart),
    Capability(
      name: "DAC_OVERRIDE", number: 1, reason: "makes and removes its subtree in the roots of control groups, which nobody may write",
      need: .atStartAndEnd),
    Capability(
      name: "FOWNER", number: 3, reason: "modes of directories that an earlier release gave to the supervisor", need: .atStart),
    Capability(name: "KILL", number: 5, reason: "ends sandboxes and the supervisor, whose uids are not root's"),
    Capability(name: "SETGID", number: 6, reason: "the supervisor's and the sandboxes' groups; gid maps"),
    Capability(name: "SETUID", number: 7, reason: "the supervisor's and the sandboxes' users; uid maps"),
    Capability(name: "SETPCAP", number: 8, reason: "empties the bounding sets of both"),
    Capability(name: "NET_ADMIN", number: 12, reason: "the loopback device of a sandbox's network namespace, and its way out"),
    Capability(name: "SYS_ADMIN", number: 21, reason: "mounts, namespaces, loop devices"),
    Capability(name: "SYS_RESOURCE", number: 24, reason: "a rank among the victims of a lack of memory; where the host grants it"),
    Capability(name: "MKNOD", number: 27, reason: "the five devices of a sandbox"),
  ]

  /// First of all: no rights by executing anything, no look into this process, only the capabilities and calls that are left.
  static func reduce() throws(SystemError) {
    try check(csandbox_seal_process(), "prctl", "roostd's own rights")
    try keep(Set(Need.allCases), effective: Set(Need.allCases))
    try check(csandbox_install_daemon_filter(), "seccomp", "roostd's own system calls")
  }

  /// Before there are other threads, and other users' bytes.
  static func settle() throws(SystemError) { try keep([.always, .atStartAndEnd], effective: [.always]) }

  /// When all of them are gone.
  static func resume() throws(SystemError) { try keep([.always, .atStartAndEnd], effective: [.always, .atStartAndEnd]) }

  /// What is started by `body` gets this one capability, too.
  static func lending<Result: ~Copyable>(
    _ name: String, to body: () throws(SystemError) -> Result
  ) throws(SystemError) -> Result {
    let lent = kept.filter { $0.name == name }.reduce(0 as UInt64) { $0 | 1 << $1.number }
    try check(csandbox_lend_capabilities(lent), "capset", "\(name) for a program")
    let result: Result
    do { result = try body() } catch {
      try check(csandbox_lend_capabilities(0), "capset", "\(name) taken back")
      throw error
    }
    try check(csandbox_lend_capabilities(0), "capset", "\(name) taken back")
    return result
  }

  static func mask(of needs: Set<Need>) -> UInt64 { kept.filter { needs.contains($0.need) }.reduce(0) { $0 | 1 << $1.number } }

  private static func keep(_ needs: Set<Need>, effective: Set<Need>) throws(SystemError) {
    try check(csandbox_keep_capabilities(mask(of: needs), mask(of: effective)), "capset", "roostd's own rights")
  }

  private static func check(_ answer: CInt, _ call: String, _ object: String) throws(SystemError) {
    guard answer == 0 else { throw SystemError(call: call, object: object, errno: -answer) }
  }
}
