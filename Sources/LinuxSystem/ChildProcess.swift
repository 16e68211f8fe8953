import CLinux
import Glibc

/// A helper program of ours, such as mke2fs, that this process started and must reap. Never a sandbox.
///
/// A value that is dropped before ``wait(for:)`` or ``end(within:)`` leaves a zombie.
package struct ChildProcess: ~Copyable, Sendable {
  /// How it ended, as `waitid(2)` tells it.
  package enum End: Sendable, Hashable {
    case code(Int32)
    case signal(Int32)
  }

  package let processID: Int32
  /// pidfd: readable once it has ended.
  package let descriptor: Descriptor

  /// posix_spawn(3) with an empty signal mask, default dispositions, and no descriptor but the standard ones (all others being
  /// close-on-exec). It reads from `input`, or `/dev/null`; output and errors go to `output`, or where ours go; `inherited` becomes
  /// descriptor 3.
  package init(
    program: String, arguments: [String] = [], environment: [String] = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
    input: CInt? = nil, output: CInt? = nil, inherited: CInt? = nil
  ) throws(SystemError) {
    let answer = unsafe withCStrings([program] + arguments) { arguments in
      unsafe withCStrings(environment) { environment in
        unsafe clinux_spawn(program, arguments, environment, input ?? -1, output ?? -1, inherited ?? -1)
      }
    }
    let number = try checked(answer, "posix_spawn", program)
    // Not reaped yet, so the number is still its own.
    let pidfd = clinux_pidfd_open(number)
    guard pidfd >= 0 else {
      // Nobody could wait for it later.
      clinux_end_child(number)
      throw SystemError(call: "pidfd_open", object: program, errno: -pidfd)
    }
    processID = number
    descriptor = Descriptor(owning: pidfd)
  }

  /// pidfd_send_signal(2). Nothing happens when it has ended.
  package borrowing func send(signal: Int32) throws(SystemError) {
    let answer = clinux_pidfd_send_signal(descriptor.rawValue, signal)
    if answer != -ESRCH { try checked(answer, "pidfd_send_signal", "process \(processID)") }
  }

  /// Reaps it once it has ended; waits at most for `timeout`, or for ever. `nil`: it still runs.
  package borrowing func wait(for timeout: Duration? = nil) throws(SystemError) -> End? {
    if let timeout {
      let poller = try Poller()
      try poller.add(descriptor.rawValue, for: .readable, token: 0)
      let deadline = ContinuousClock.now + timeout
      while try poller.wait(timeout: ContinuousClock.now.duration(to: deadline)).isEmpty {
        if ContinuousClock.now >= deadline { return nil }
      }
    }
    var end = clinux_exit()
    let answer = unsafe clinux_wait_pidfd(descriptor.rawValue, 1, &end)
    try checked(answer, "waitid", "process \(processID)")
    return end.code == CLD_EXITED ? .code(end.status) : .signal(end.status)
  }

  /// As ``wait(for:)``, but afterwards it is gone, whatever happened: killed, when it still runs or cannot be waited for.
  package consuming func end(within timeout: Duration) throws(SystemError) -> End? {
    do {
      if let end = try wait(for: timeout) { return end }
    } catch {
      clinux_end_child(processID)
      throw error
    }
    clinux_end_child(processID)
    return nil
  }
}

/// `texts` as a NULL-terminated array of C strings, for the call of `body` only.
private func withCStrings<Result>(
  _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers = unsafe texts.map { unsafe strdup($0) }
  unsafe pointers.append(nil)
  defer { unsafe pointers.forEach { unsafe free($0) } }
  return unsafe pointers.withUnsafeBufferPointer { buffer in
    // Never empty: it has the NULL at least.
    unsafe body(buffer.baseAddress!)
  }
}
