import LinuxSystem
import Synchronization

/// A thread that has the kernel forget the connections of sandboxes that have ended, one batch of addresses at a time.
///
/// On a busy host the table has hundreds of thousands of connections of others, and every one of them is looked at: nothing that the loop's
/// thread could do between two sandboxes.
final class ConnectionForgetter: Sendable {
  typealias Outcome = (addresses: Set<IPv4Address>, error: SystemError?)

  private enum State {
    case idle
    case ordered(Set<IPv4Address>)
    case done(Outcome)
    case stopped
  }

  private let connections: ConnectionTable
  private let orders: Descriptor
  private let finished: Descriptor
  private let ordersPoller: Poller
  private let finishedPoller: Poller
  private let state = Mutex(State.idle)

  /// Starts the thread, which runs until ``stop()``.
  init(_ connections: ConnectionTable) throws(SystemError) {
    self.connections = connections
    orders = try Descriptor.eventCounter()
    finished = try Descriptor.eventCounter()
    ordersPoller = try Poller()
    finishedPoller = try Poller()
    try ordersPoller.add(orders.rawValue, for: .readable, token: 0)
    try finishedPoller.add(finished.rawValue, for: .readable, token: 0)
    try startThread(named: "roostd-forget") { [self] in work() }
  }

  /// Readable when there is an outcome.
  var notice: CInt { finished.rawValue }

  private var isUnderWay: Bool {
    state.withLock { state in
      if case .ordered = state { true } else { false }
    }
  }

  /// - Returns: false while the last outcome has not been taken, and after the end.
  func forget(_ addresses: Set<IPv4Address>) -> Bool {
    let isAccepted = state.withLock { state in
      guard case .idle = state else { return false }
      state = .ordered(addresses)
      return true
    }
    if isAccepted { raise(orders) }
    return isAccepted
  }

  /// What became of the last batch, once; `nil` when nothing was handed over since, or, without `waiting`, when it is still under way.
  func outcome(waiting: Bool = false) -> Outcome? {
    while waiting, isUnderWay { block(finishedPoller) }
    take(finished)
    return state.withLock { state in
      guard case .done(let outcome) = state else { return nil }
      state = .idle
      return outcome
    }
  }

  /// Ends the thread; what it is doing it finishes.
  func stop() {
    state.withLock { $0 = .stopped }
    raise(orders)
  }

  private func work() {
    while true {
      block(ordersPoller)
      take(orders)
      switch state.withLock({ $0 }) {
      case .idle, .done: continue
      case .stopped: return
      case .ordered(let addresses): finish(addresses)
      }
    }
  }

  private func finish(_ addresses: Set<IPv4Address>) {
    var failure: SystemError?
    do { try connections.forget(addresses) } catch { failure = error }
    state.withLock { state in
      if case .ordered = state { state = .done((addresses, failure)) }
    }
    raise(finished)
  }

  private func block(_ poller: borrowing Poller) {
    // No errno of epoll_wait but EINTR has a cause outside this type, nor has any of an event counter's.
    do { _ = try poller.wait() } catch { preconditionFailure("\(error)") }
  }

  private func raise(_ counter: borrowing Descriptor) {
    do { try counter.raiseEvent() } catch { preconditionFailure("\(error)") }
  }

  private func take(_ counter: borrowing Descriptor) {
    do { _ = try counter.takeEventCount() } catch { preconditionFailure("\(error)") }
  }
}
