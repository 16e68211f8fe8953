import Glibc
import LinuxSystem
import Synchronization

/// Takes `/tmp` volumes down, several at a time, on threads that are there only while there is something to do.
///
/// An unmount mostly waits: for grace periods of the kernel, and for the disk. One after the other, a thousand take half a minute on a busy
/// host; eight threads are eight times as fast, and no heavier.
final class VolumeTeardown: Sendable {
  private static let threadLimit = 8

  private let state = Mutex((waiting: [Volume](), threads: 0))
  /// Raised when the last thread ends.
  private let rest: Descriptor

  init() throws(SystemError) {
    rest = try Descriptor.eventCounter()
  }

  /// Returns at once.
  func add(_ volume: Volume) {
    let isAnotherWanted = state.withLock { state in
      state.waiting.append(volume)
      guard state.threads < Self.threadLimit else { return false }
      state.threads += 1
      return true
    }
    guard isAnotherWanted else { return }
    do { try startThread(named: "roostd-unmount") { [self] in work() } } catch {
      // Without a thread of its own it is slower, and is done all the same.
      work()
    }
  }

  /// Returns when all that was added is gone.
  func finish() throws(SystemError) {
    let poller = try Poller()
    try poller.add(rest.rawValue, for: .readable, token: 0)
    while state.withLock({ $0.threads > 0 }) {
      _ = try poller.wait()
      _ = try rest.takeEventCount()
    }
  }

  private func work() {
    while let volume = next() { volume.close() }
  }

  /// `nil` for a thread that has nothing more to do, and is then not counted any longer.
  private func next() -> Volume? {
    let (volume, isLast) = state.withLock { state in
      if let volume = state.waiting.popLast() { return (Optional(volume), false) }
      state.threads -= 1
      return (nil, state.threads == 0)
    }
    if isLast {
      do { try rest.raiseEvent() } catch { preconditionFailure("\(error)") }
    }
    return volume
  }
}
