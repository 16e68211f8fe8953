import Glibc
import LinuxSystem

/// The control group of one run of the supervisor: what it starts ends with it, wherever it may have put itself.
final class SupervisorGroup {
  /// Threads, nearly all; a supervisor that has been taken over shall not fill the host's process table.
  private static let processLimit: UInt32 = 4_096

  static let prefix = "supervisor-"

  let group: ControlGroup
  private let loop: EventLoop

  init(in host: SandboxHost, loop: EventLoop) throws(SystemError) {
    self.loop = loop
    group = try ControlGroup.makeForService(
      in: host.controlGroups, name: "\(Self.prefix)\(host.newGroupNumber())", processLimit: Self.processLimit)
  }

  /// Ends what is left of it and removes the group, as soon as that is empty. What cannot be ended now is reaped at roostd's end, or its next
  /// start.
  func end() {
    do { try group.killAll() } catch { note("what the supervisor has started cannot be ended: \(error)") }
    remove(attemptsLeft: 400)
  }

  private func remove(attemptsLeft: Int) {
    do {
      try group.remove(within: .zero)
    } catch  where error.errno == EBUSY && attemptsLeft > 0 {
      loop.after(.milliseconds(5)) { [self] in remove(attemptsLeft: attemptsLeft - 1) }
    } catch {
      note("the supervisor's control group is left behind: \(error)")
    }
  }
}
