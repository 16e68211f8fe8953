import CSandbox
import Glibc
import LinuxSystem

/// A process that CSandbox cloned and that only its pidfd names: PID 1 of a sandbox, or the supervisor.
struct ChildHandle: ~Copyable {
  let processID: Int32
  /// Readable once the process has ended.
  let descriptor: Descriptor

  /// Takes ownership of `pidfd`.
  init(processID: Int32, pidfd: CInt) {
    self.processID = processID
    descriptor = Descriptor(owning: pidfd)
  }

  /// pidfd_send_signal(2). Nothing happens when it has ended.
  borrowing func send(signal: Int32) throws(SystemError) {
    let answer = csandbox_signal(descriptor.rawValue, signal)
    guard answer == 0 else { throw SystemError(call: "pidfd_send_signal", object: "process \(processID)", errno: -answer) }
  }

  /// waitid(2), without waiting: the exit status, or 128 and the number of the signal that ended it; `nil` while it runs.
  borrowing func reap() throws(SystemError) -> Int32? {
    var status: Int32 = 0
    let answer = unsafe csandbox_reap(descriptor.rawValue, &status)
    guard answer >= 0 else { throw SystemError(call: "waitid", object: "process \(processID)", errno: -answer) }
    return answer == 1 ? status : nil
  }
}
