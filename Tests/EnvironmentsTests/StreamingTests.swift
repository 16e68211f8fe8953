import FunctionModel
import Glibc
import NIOCore
import SpawnProtocol
import Synchronization
import Testing

@testable import Environments

/// A response that goes to its caller while it is made.
@Suite(.timeLimit(.minutes(1))) struct StreamingTests {
  /// The caller's end: hears parts, and takes them when it is told to.
  private final class Caller: Sendable {
    let parts: AsyncStream<String>
    let stream: ResponseStream
    private let box = Box()

    init(takesAtOnce: Bool = true) {
      let (parts, continuation) = AsyncStream.makeStream(of: String.self)
      self.parts = parts
      stream = ResponseStream { [box] part, _, taken in
        if takesAtOnce { taken() } else { box.takes.withLock { $0.append(taken) } }
        continuation.yield(String(buffer: part))
      }
    }

    private final class Box: Sendable { let takes = Mutex<[@Sendable () -> Void]>([]) }

    func takeAll() {
      for take in box.takes.withLock({ takes in
        defer { takes = [] }
        return takes
      }) { take() }
    }
  }

  private func answer(_ end: InvocationEnd) throws -> InvocationAnswer {
    guard case .answered(let answer) = end else { throw Unexpected() }
    return answer
  }
  private struct Unexpected: Error {}

  @Test func `parts come before the end, and are counted`() async throws {
    let bench = try Bench()
    let (_, runtime) = await bench.warmUp()
    let caller = Caller()
    async let end = bench.invoke("one", stream: caller.stream)
    let id = await runtime.event()
    runtime.beginStream(id)
    var parts = caller.parts.makeAsyncIterator()
    for part in ["first", "second"] {
      runtime.stream(part)
      #expect(await parts.next() == part)
    }
    #expect(await runtime.endStream() == 202)
    let answer = try answer(await end)
    #expect(!answer.isFunctionError && answer.payload.readableBytes == 0)
    runtime.ask()
    await bench.desk.available()
    await bench.environment.stop(reason: "stop")
    #expect(bench.desk.rows.map(\.outcome) == [.success] && bench.desk.rows.map(\.responseBytes) == [11])
  }

  @Test func `a runtime that is killed midway is said to have been, though its connection ended first`() async throws {
    let bench = try Bench()
    let (sandbox, runtime) = await bench.warmUp()
    let caller = Caller()
    async let end = bench.invoke("one", stream: caller.stream)
    runtime.beginStream(await runtime.event())
    runtime.stream("part")
    var parts = caller.parts.makeAsyncIterator()
    #expect(await parts.next() == "part")
    runtime.disconnect()
    sandbox.tell(.exited(.runtime, .signal(11)))
    let answer = try answer(await end)
    #expect(answer.errorType == "Runtime.ExitError" && String(buffer: answer.payload).contains("signal: segmentation fault"))
    await bench.environment.stop(reason: "stop")
    #expect(bench.desk.rows.map(\.outcome) == [.crash] && bench.desk.rows.map(\.responseBytes) == [4])
  }

  @Test func `what a runtime sent before its exit was told is its caller's`() async throws {
    let bench = try Bench()
    let (sandbox, runtime) = await bench.warmUp()
    let caller = Caller()
    async let end = bench.invoke("one", stream: caller.stream)
    let id = await runtime.event()
    // The loop sleeps while it is all said, and then finds a connection to accept, what came over it, and the exit.
    bench.environment.eventLoop.execute { usleep(20_000) }
    let second = FakeRuntime(port: sandbox.port)
    second.beginStream(id)
    second.stream("part")
    sandbox.tell(.exited(.runtime, .code(7)))
    second.disconnect()
    runtime.disconnect()
    #expect(try answer(await end).errorType == "Runtime.ExitError")
    var parts = caller.parts.makeAsyncIterator()
    #expect(await parts.next() == "part")
    await bench.environment.stop(reason: "stop")
    #expect(bench.desk.rows.map(\.responseBytes) == [4])
  }

  @Test func `a response that breaks off is truncated, and the environment begins anew`() async throws {
    let bench = try Bench()
    let (_, runtime) = await bench.warmUp()
    let caller = Caller()
    async let end = bench.invoke("one", stream: caller.stream)
    runtime.beginStream(await runtime.event())
    runtime.stream("part")
    runtime.disconnect()
    let answer = try answer(await end)
    #expect(answer.errorType == "Runtime.TruncatedResponse")
    #expect(
      String(buffer: answer.payload)
        == #"{"errorType":"Runtime.TruncatedResponse","errorMessage":"RequestId: one Error: Response was truncated"}"#)
    await bench.desk.available()
    async let next = bench.invoke("two")
    let successor = await bench.roostd.nextSandbox().runtime()
    successor.ask()
    _ = await successor.respond(await successor.event(), "7")
    #expect(try String(buffer: self.answer(await next).payload) == "7", "a new one")
    await bench.environment.stop(reason: "stop")
  }

  @Test func `a caller that takes nothing holds the runtime back, and the deadline ends it`() async throws {
    let bench = try Bench(timeout: .seconds(1))
    let (_, runtime) = await bench.warmUp()
    let caller = Caller(takesAtOnce: false)
    async let end = bench.invoke("one", stream: caller.stream)
    runtime.beginStream(await runtime.event())
    // Blocks when the sockets are full, so on a thread of its own; ends when the environment does.
    ThreadBody {
      let part = String(repeating: "x", count: 1 << 20)
      while runtime.streamUnlessClosed(part) {}
    }.start()
    let answer = try answer(await end)
    #expect(answer.errorType == "Sandbox.Timedout")
    await bench.environment.stop(reason: "stop")
    // The window, and what one read brought beyond it.
    let bytes = try #require(bench.desk.rows.first?.responseBytes)
    #expect(bytes > ResponseStream.window && bytes < 3 * ResponseStream.window)
    caller.takeAll()
  }

  @Test func `the window opens again once, when half of it is free`() {
    let takes = Mutex<[@Sendable () -> Void]>([])
    let stream = ResponseStream { _, _, taken in takes.withLock { $0.append(taken) } }
    let resumed = Mutex(0)
    let resume: @Sendable () -> Void = { resumed.withLock { $0 += 1 } }
    let quarter = ByteBuffer(repeating: 0, count: ResponseStream.window / 4)
    for _ in 0..<4 { #expect(stream.send(quarter, nil, resume: resume)) }
    #expect(!stream.send(quarter, nil, resume: resume))
    let all = takes.withLock { $0 }
    var opened = [Int]()
    for take in all {
      take()
      opened.append(resumed.withLock { $0 })
    }
    #expect(opened == [0, 0, 1, 1, 1])
  }
}
