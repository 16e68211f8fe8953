import Glibc
import LinuxSystem
import Testing

@Suite struct DescriptorWatcherTests {
  /// Counts calls and lets a test wait for them.
  private final class Calls: Sendable {
    let signal: Descriptor
    init() throws { signal = try Descriptor.eventCounter() }

    func happened() {
      do { try signal.raiseEvent() } catch { Issue.record("\(error)") }
    }

    func next() throws -> UInt64 {
      _ = try becomesReady(signal.rawValue)
      return try signal.takeEventCount()
    }
  }

  @Test func `a one-shot watch calls once until it is rearmed`() throws {
    let watcher = try DescriptorWatcher()
    let event = try Descriptor.eventCounter()
    let calls = try Calls()
    let token = try watcher.watch(event.rawValue, for: .readable, oneShot: true) { calls.happened() }
    try event.raiseEvent()
    #expect(try calls.next() == 1)
    #expect(try calls.signal.takeEventCount() == 0)
    watcher.rearm(token)
    #expect(try calls.next() == 1)
    watcher.cancel(token)
  }

  @Test func `a steady watch calls until its cause is removed`() throws {
    let watcher = try DescriptorWatcher()
    let event = try Descriptor.eventCounter()
    let calls = try Calls()
    let token = try watcher.watch(event.rawValue, for: .readable, oneShot: false) { [number = event.rawValue] in
      var count: UInt64 = 0
      _ = unsafe read(number, &count, 8)
      calls.happened()
    }
    for _ in 0..<3 {
      try event.raiseEvent()
      #expect(try calls.next() == 1)
    }
    watcher.cancel(token)
  }

  @Test func `a cancelled watch calls no more`() throws {
    let watcher = try DescriptorWatcher()
    let cancelled = try Descriptor.eventCounter()
    let other = try Descriptor.eventCounter()
    let wrong = try Calls()
    let right = try Calls()
    let token = try watcher.watch(cancelled.rawValue, for: .readable, oneShot: false) { wrong.happened() }
    let second = try watcher.watch(other.rawValue, for: .readable, oneShot: true) { right.happened() }
    watcher.cancel(token)
    watcher.cancel(token)
    try cancelled.raiseEvent()
    try other.raiseEvent()
    #expect(try right.next() == 1)
    #expect(try wrong.signal.takeEventCount() == 0)
    watcher.cancel(second)
  }

  @Test func `a handler that holds the last of something may be let go by its own watch's end`() throws {
    let watcher = try DescriptorWatcher()
    let first = try Descriptor.eventCounter()
    let second = try Descriptor.eventCounter()
    let ended = try Calls()
    let inner = try watcher.watch(second.rawValue, for: .readable, oneShot: true) {}
    let outer = try watcher.watch(
      first.rawValue, for: .readable, oneShot: true,
      AtEnd {
        watcher.cancel(inner); ended.happened()
      }.use)
    watcher.cancel(outer)
    #expect(try ended.next() == 1)
    let late = try watcher.watch(first.rawValue, for: .readable, oneShot: true, AtEnd { ended.happened() }.use)
    watcher.stop()
    #expect(try ended.next() == 1)
    watcher.cancel(late)
    watcher.rearm(late)
    watcher.cancel(try watcher.watch(first.rawValue, for: .readable, oneShot: true) {})
  }

  @Test func `a descriptor that cannot be waited for is refused`() throws {
    let watcher = try DescriptorWatcher()
    let file = try Descriptor.open("/etc/passwd", flags: O_RDONLY)
    #expect(try refusal { _ = try watcher.watch(file.rawValue, for: .readable, oneShot: true) {} } == EPERM)
  }

  /// Runs its body when the last reference to it goes.
  private final class AtEnd: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    deinit { body() }
    @Sendable func use() {}
  }
}
