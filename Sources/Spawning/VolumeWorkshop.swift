import Glibc
import LinuxSystem
import SpawnProtocol
import Synchronization

/// A thread that makes `/tmp` volumes, and those of ``VolumeTeardown``, which take them down.
///
/// Mounting an ext4 on a fresh loop device takes milliseconds and unmounting it up to tens: what would hold up every sandbox on the
/// loop's thread holds up nobody here. The only other thread in roostd is ``ConnectionForgetter``'s; the child of a clone does not
/// care for them, since it neither allocates nor locks.
final class VolumeWorkshop: Sendable {
  enum Job: Sendable {
    case make(megabytes: UInt32)
  }

  typealias Outcome = Result<Volume, SystemError>

  private let maker: VolumeMaker
  private let thread: DescriptorWatcher
  private let teardown: VolumeTeardown
  private let orders: Descriptor
  private let finished: Descriptor
  private let state = Mutex((jobs: [Job](), outcomes: [(megabytes: UInt32, outcome: Outcome)]()))

  /// Readable when outcomes are to be collected.
  var notice: CInt { finished.rawValue }

  init(_ maker: VolumeMaker) throws(SystemError) {
    self.maker = maker
    thread = try DescriptorWatcher()
    teardown = try VolumeTeardown()
    orders = try Descriptor.eventCounter()
    finished = try Descriptor.eventCounter()
  }

  func start() throws(SystemError) {
    _ = try thread.watch(orders.rawValue, for: .readable, oneShot: false) { [weak self] in self?.work() }
  }

  /// Takes a volume down; in a moment, whoever else still knows it.
  func drop(_ volume: Volume) { teardown.add(volume) }

  /// Ends the thread, and returns when all that was dropped, or made and not collected, is gone.
  func stop() {
    thread.stop()
    let rest = state.withLock { state in
      defer { state = ([], []) }
      return state
    }
    for case (_, .success(let volume)) in rest.outcomes { drop(volume) }
    // What cannot be waited for goes with the process.
    do { try teardown.finish() } catch { note("/tmp volumes: \(error)") }
  }

  func order(_ job: Job) {
    state.withLock { $0.jobs.append(job) }
    raise(orders)
  }

  /// Takes back an order for a volume of that size that has not been begun.
  ///
  /// - Returns: false when there is none: all are made, or being made.
  func withdraw(megabytes: UInt32) -> Bool {
    state.withLock { state in
      let index = state.jobs.lastIndex { job in
        if case .make(megabytes) = job { true } else { false }
      }
      guard let index else { return false }
      state.jobs.remove(at: index)
      return true
    }
  }

  func collect() -> [(megabytes: UInt32, outcome: Outcome)] {
    take(finished)
    return state.withLock { state in
      defer { state.outcomes = [] }
      return state.outcomes
    }
  }

  private func work() {
    take(orders)
    while let job = state.withLock({ $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }) {
      switch job {
      case .make(let megabytes):
        let outcome: Outcome
        do { outcome = .success(try maker.make(megabytes: megabytes)) } catch { outcome = .failure(error) }
        state.withLock { $0.outcomes.append((megabytes, outcome)) }
        raise(finished)
      }
    }
  }

  private func raise(_ counter: borrowing Descriptor) {
    do { try counter.raiseEvent() } catch { preconditionFailure("\(error)") }
  }

  private func take(_ counter: borrowing Descriptor) {
    do { _ = try counter.takeEventCount() } catch { preconditionFailure("\(error)") }
  }
}
