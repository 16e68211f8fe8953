import Glibc

import CLinux
import Synchronization

/// Names one watch of a ``DescriptorWatcher``.
package struct WatchToken: Sendable, Hashable {
  let number: UInt64
}

/// One thread that waits for what an NIO event loop cannot take: pidfds, packet sockets, eventfds, cgroup files (`POLLPRI`), log pipes.
///
/// Handlers run on that thread, one after the other, and must not wait.
package final class DescriptorWatcher: Sendable {
  package typealias Interest = Poller.Interest

  private let watches: WatchTable

  /// Starts the thread, with every signal blocked.
  package init() throws(SystemError) {
    watches = try WatchTable()
    try startThread(named: "watcher") { [watches] in watches.run() }
  }

  deinit { watches.stop() }

  /// Calls `handler` whenever `number` is ready for `interest`, its other end closes, or it is in error.
  ///
  /// Without `oneShot` the handler is called again and again until it has removed the cause (read what is there); with it once, until
  /// ``rearm(_:)``. The watcher does not own the descriptor: cancel before it is closed.
  package func watch(
    _ number: CInt, for interest: Interest, oneShot: Bool, _ handler: @escaping @Sendable () -> Void
  ) throws(SystemError) -> WatchToken {
    try watches.add(Watch(descriptor: number, interest: interest, oneShot: oneShot, handler: handler))
  }

  /// Makes a one-shot watch ready for its next event; one that is waiting already stays as it is.
  package func rearm(_ token: WatchToken) { watches.rearm(token.number) }

  /// Ends the watch: after this returns its handler is not called again; a call that was begun before may still be running.
  package func cancel(_ token: WatchToken) { watches.remove(token.number) }

  /// Ends all watches and the thread; handlers are not called any more, but for one that may be running. Later watches do nothing.
  package func stop() { watches.stop() }
}

struct Watch: Sendable {
  let descriptor: CInt
  let interest: Poller.Interest
  let oneShot: Bool
  let handler: @Sendable () -> Void
}

/// What the watcher and its thread share; apart from the watcher, so that the thread does not keep it alive.
private final class WatchTable: Sendable {
  private struct State {
    var watches: [UInt64: Watch] = [:]
    var nextToken: UInt64 = 1
    var isStopped = false
  }

  private static let wakeToken: UInt64 = 0

  private let poller: Poller
  private let wake: Descriptor
  private let state = Mutex(State())

  init() throws(SystemError) {
    poller = try Poller()
    wake = try Descriptor.eventCounter()
    try poller.add(wake.rawValue, for: .readable, token: Self.wakeToken)
  }

  func add(_ watch: Watch) throws(SystemError) -> WatchToken {
    // The entry stands before the kernel knows of it, so that its first event finds it.
    let (number, isStopped) = state.withLock { state in
      defer { state.nextToken += 1 }
      if !state.isStopped { state.watches[state.nextToken] = watch }
      return (state.nextToken, state.isStopped)
    }
    guard !isStopped else { return WatchToken(number: number) }
    do {
      try poller.add(watch.descriptor, for: watch.interest, token: number, oneShot: watch.oneShot)
    } catch {
      _ = state.withLock { $0.watches.removeValue(forKey: number) }
      throw error
    }
    return WatchToken(number: number)
  }

  func rearm(_ number: UInt64) {
    state.withLock { state in
      guard let watch = state.watches[number] else { return }
      do {
        try poller.modify(watch.descriptor, for: watch.interest, token: number, oneShot: watch.oneShot)
      } catch {
        // Only a descriptor that was closed under its watch is unknown here.
        preconditionFailure("\(error): closed before its watch was cancelled")
      }
    }
  }

  func remove(_ number: UInt64) {
    // Under the lock, so that the descriptor cannot be closed, reused and watched again between the two steps. The handler is let go
    // after it: what that frees may cancel watches of its own.
    _ = state.withLock { state in
      let watch = state.watches.removeValue(forKey: number)
      if let watch { forget(watch.descriptor) }
      return watch
    }
  }

  private func forget(_ number: CInt) {
    do { try poller.remove(number) } catch { preconditionFailure("\(error): closed before its watch was cancelled") }
  }

  func stop() {
    // Let go after the lock, as above.
    _ = state.withLock { state in
      state.isStopped = true
      let watches = state.watches
      state.watches = [:]
      return watches
    }
    do { try wake.raiseEvent() } catch { preconditionFailure("\(error)") }
  }

  func run() {
    while !state.withLock({ $0.isStopped }) {
      do {
        for event in try poller.wait() { handler(of: event.token)?() }
      } catch {
        preconditionFailure("\(error)")  // No errno of epoll_wait but EINTR has a cause outside this type.
      }
    }
  }

  private func handler(of token: UInt64) -> (@Sendable () -> Void)? {
    state.withLock { $0.watches[token]?.handler }
  }
}
