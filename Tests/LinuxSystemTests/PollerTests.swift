import Glibc
import LinuxSystem
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
    #expect(try poller.wait(timeout: .limit(10)).map(\.isHangup) == [true])
  }

  @Test func `a child's end can be waited for, and is told`() throws {
    let child = try ChildProcess(program: "/bin/sh", arguments: ["-c", "exit 7"])
    #expect(try child.wait(for: .limit(10)) == .code(7))
    let sleeper = try ChildProcess(program: "/bin/sleep", arguments: ["60"])
    #expect(try sleeper.wait(for: .milliseconds(10)) == nil)
    try sleeper.send(signal: SIGTERM)
    #expect(try sleeper.wait(for: .limit(10)) == .signal(SIGTERM))
    try sleeper.send(signal: SIGTERM)
    #expect(try refusal { _ = try ChildProcess(program: "/none") } == ENOENT)
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
