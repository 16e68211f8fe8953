import Glibc

import CLinux

/// Signals as something to read: signalfd(2), non-blocking.
package struct SignalDescriptor: ~Copyable, Sendable {
  /// A signal and who sent it.
  package struct Arrival: Sendable, Hashable {
    package let signal: Int32
    /// The sender, or for SIGCHLD the child; 0 from the kernel.
    package let processID: UInt32
  }

  /// To wait on; readable when a signal has come.
  package let descriptor: Descriptor

  /// Blocks `signals` in the calling thread (call it before there is another) and takes them here instead.
  package init(_ signals: Int32...) throws(SystemError) {
    let set = signals.reduce(into: UInt64(0)) { $0 |= 1 << UInt64($1 - 1) }
    try checked(clinux_block_signals(set), "pthread_sigmask", "")
    descriptor = Descriptor(owning: try checked(clinux_signalfd(set), "signalfd", ""))
  }

  /// The next signal; `nil` when none waits. Several of one kind may have become one.
  package borrowing func next() throws(SystemError) -> Arrival? {
    var signal = clinux_signal()
    let answer = unsafe clinux_signalfd_read(descriptor.rawValue, &signal)
    guard try checkedUnlessBlocked(answer, "read", "signalfd") != nil else { return nil }
    return Arrival(signal: Int32(signal.number), processID: signal.process)
  }
}
