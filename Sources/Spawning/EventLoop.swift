package import LinuxSystem

/// roostd's one thread: waits for descriptors and instants, and calls what was left for them.
///
/// Not `Sendable`: everything that is reached through it stays on the thread that runs it.
package final class EventLoop {
  package struct Token: Hashable { fileprivate let number: UInt64 }

  private let poller: Poller
  private var watches: [UInt64: (descriptor: CInt, body: () -> Void)] = [:]
  /// The earliest last.
  private var timers: [(deadline: ContinuousClock.Instant, token: Token, body: () -> Void)] = []
  private var nextToken: UInt64 = 1
  private var isStopped = false

  package init() throws(SystemError) {
    poller = try Poller()
  }

  /// Calls `body` whenever `number` is ready or its other end closed, until ``cancel(_:)``. The loop does not own the descriptor.
  package func watch(
    _ number: CInt, for interest: Poller.Interest = .readable, _ body: @escaping () -> Void
  ) throws(SystemError) -> Token {
    let token = newToken()
    try poller.add(number, for: interest, token: token.number)
    watches[token.number] = (number, body)
    return token
  }

  /// Calls `body` once, after `delay`.
  @discardableResult
  package func after(_ delay: Duration, _ body: @escaping () -> Void) -> Token {
    let token = newToken()
    let deadline = ContinuousClock.now + delay
    let index = timers.firstIndex { $0.deadline <= deadline } ?? timers.endIndex
    timers.insert((deadline, token, body), at: index)
    return token
  }

  /// Ends a watch, before its descriptor is closed, or takes a timer back. Does nothing the second time.
  package func cancel(_ token: Token) {
    if let watch = watches.removeValue(forKey: token.number) {
      // Fails only for a descriptor that is closed already, and then there is nothing to end.
      do { try poller.remove(watch.descriptor) } catch { assertionFailure("\(error)") }
    } else {
      timers.removeAll { $0.token == token }
    }
  }

  /// Runs until ``stop()``; sleeps in the kernel when there is nothing to do.
  package func run() throws(SystemError) {
    isStopped = false
    while !isStopped {
      let timeout = timers.last.map { max(.zero, ContinuousClock.now.duration(to: $0.deadline)) }
      for event in try poller.wait(timeout: timeout) { watches[event.token]?.body() }
      fireDueTimers()
    }
  }

  package func stop() { isStopped = true }

  private func fireDueTimers() {
    let now = ContinuousClock.now
    while let timer = timers.last, timer.deadline <= now {
      timers.removeLast()
      timer.body()
    }
  }

  private func newToken() -> Token {
    defer { nextToken += 1 }
    return Token(number: nextToken)
  }
}
