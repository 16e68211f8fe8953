import Glibc
import LinuxSystem
import Synchronization
import Testing

@Suite struct PollerTests {
  @Test func `a wait ends with its time, and not before`() throws {
    let poller = try Poller()
    let start = ContinuousClock.now
    #expect(try poller.wait(timeout: .milliseconds(20)).isEmpty)
    #expect(ContinuousClock.now - start >= .milliseconds(20))
    #expect(try poller.wait(timeout: .zero).isEmpty)
  }

  @Test func `events carry the token, once or until the cause is gone`() throws {
    let poller = try Poller()
    let steady = try Descriptor.eventCounter()
    let once = try Descriptor.eventCounter()
    try poller.add(steady.rawValue, for: .readable, token: 7)
    try poller.add(once.rawValue, for: .readable, token: 8, oneShot: true)
    try steady.raiseEvent()
    try once.raiseEvent()
    #expect(Set(try poller.wait(timeout: .zero).map(\.token)) == [7, 8])
    #expect(try poller.wait(timeout: .zero).map(\.token) == [7])
    try poller.modify(once.rawValue, for: .readable, token: 9, oneShot: true)
    #expect(Set(try poller.wait(timeout: .zero).map(\.token)) == [7, 9])
    #expect(try steady.takeEventCount() == 1)
    #expect(try steady.takeEventCount() == 0)
    try poller.remove(once.rawValue)
    #expect(try poller.wait(timeout: .zero).isEmpty)
  }

  @Test func `a closed other end is a hangup`() throws {
    let poller = try Poller()
    let pipe = try Pipe()
    try poller.add(pipe.readEnd.rawValue, for: .readable, token: 1)
    _ = consume pipe.writeEnd
    #expect(try poller.wait(timeout: .seconds(10)).map(\.isHangup) == [true])
  }

  @Test func `a child's end can be waited for, and is told`() throws {
    let child = try ChildProcess(program: "/bin/sh", arguments: ["-c", "exit 7"])
    #expect(try child.wait(for: .seconds(10)) == .code(7))
    let sleeper = try ChildProcess(program: "/bin/sleep", arguments: ["60"])
    #expect(try sleeper.wait(for: .milliseconds(10)) == nil)
    try sleeper.send(signal: SIGTERM)
    #expect(try sleeper.wait(for: .seconds(10)) == .signal(SIGTERM))
    try sleeper.send(signal: SIGTERM)
    #expect(try refusal { _ = try ChildProcess(program: "/none") } == ENOENT)
  }
}

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

  @Test func `a stopped watcher gives its handlers back`() throws {
    let event = try Descriptor.eventCounter()
    let watcher = try DescriptorWatcher()
    let pipe = try Pipe()
    do {
      let owned = try pipe.writeEnd.duplicate()
      let box = OwnedByHandler(owned)
      _ = try watcher.watch(event.rawValue, for: .readable, oneShot: true) { box.use() }
    }
    _ = consume pipe.writeEnd
    watcher.stop()
    #expect(try becomesReady(pipe.readEnd.rawValue))
    watcher.stop()
  }

  @Test func `a descriptor that cannot be waited for is refused`() throws {
    let watcher = try DescriptorWatcher()
    let file = try Descriptor.open("/etc/passwd", flags: O_RDONLY)
    #expect(try refusal { _ = try watcher.watch(file.rawValue, for: .readable, oneShot: true) {} } == EPERM)
  }

  private final class OwnedByHandler: Sendable {
    let descriptor: Descriptor
    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
    func use() {}
  }
}

@Suite struct SignalDescriptorTests {
  @Test func `a signal to the thread is read instead of ending the process`() throws {
    // A real-time signal that nothing else in the test process uses.
    let signal = try SignalDescriptor(40)
    #expect(try signal.next() == nil)
    pthread_kill(pthread_self(), 40)
    let arrival = try #require(try signal.next())
    #expect(arrival.signal == 40)
    #expect(arrival.processID == UInt32(getpid()))
    #expect(try signal.next() == nil)
  }
}
