import FunctionModel
import Logging
import NIOCore
import NIOPosix
import Sandboxing
import SpawnProtocol
import Synchronization
import Testing

@testable import Environments

/// What one test needs: a fake roostd, an environment on a loop of its own, and what it reported.
final class Bench: Sendable {
  let roostd: FakeRoostd
  let environment: ExecutionEnvironment
  let desk: Desk
  private let directory: String

  deinit { RuntimesFolder.remove(directory) }

  init(timeout: Duration = .seconds(3), format: LogFormat = .text) throws {
    roostd = try FakeRoostd()
    desk = Desk()
    var problems = [String]()
    let directory = try RuntimesFolder.make()
    self.directory = directory
    let host = EnvironmentHost(
      spawner: roostd.spawner, images: RuntimeImages(directory: directory, problems: &problems), artifacts: directory,
      cpus: 2, logger: Logger(label: "test"))
    precondition(problems.isEmpty)
    let id = FunctionID(owner: Owner(account: "000000000000", region: "us-east-1"), name: "hello")
    let version = FunctionVersion(
      key: .init(function: id, version: "$LATEST", revision: "1"), runtime: Runtime("python3.11")!, handler: "h", role: "",
      timeout: timeout, memory: .megabytes(128), ephemeralStorage: .megabytes(512), environment: [:],
      code: ContentDigest(String(repeating: "0", count: 64))!, layers: [], logGroup: "/aws/lambda/hello", logFormat: format)
    environment = ExecutionEnvironment(
      id: "11111111-2222-4333-8444-555555555555", version: version, hostUserID: 7,
      eventLoop: MultiThreadedEventLoopGroup.singleton.next(), host: host, recorder: desk, delegate: desk)
  }

  /// Starts the environment and brings its runtime to the first question.
  func warmUp() async -> (FakeSandbox, FakeRuntime) {
    await environment.start()
    let sandbox = await roostd.nextSandbox()
    let runtime = await sandbox.runtime()
    runtime.ask()
    await desk.available()
    return (sandbox, runtime)
  }

  func invoke(_ id: String, tail: Bool = false, stream: ResponseStream? = nil) async -> InvocationEnd {
    await withCheckedContinuation { continuation in
      let invocation = Invocation(
        requestID: id, invokedARN: "arn", payload: ByteBuffer(string: "{}"), contentType: nil, clientContext: nil,
        traceID: "Root=1", stream: stream, wantsLogTail: tail, accepted: .now()
      ) { continuation.resume(returning: $0) }
      Task { await environment.invoke(invocation) }
    }
  }
}

/// Records what environments report, and lets tests wait for availability.
final class Desk: ExecutionEnvironmentDelegate, EnvironmentRecorder {
  private struct State {
    var available = 0
    var waiter: CheckedContinuation<Void, Never>?
    var records: [LogRecord] = []
    var rows: [InvocationRecord] = []
    var failures: [String] = []
    var ended = false
    var lost = 0
    var expirations = 0
  }
  private let state = Mutex(State())

  /// Returns once for each time that the environment became available.
  func available() async {
    await withCheckedContinuation { continuation in
      let isReady = state.withLock { state -> Bool in
        guard state.available == 0 else {
          state.available -= 1
          return true
        }
        state.waiter = continuation
        return false
      }
      if isReady { continuation.resume() }
    }
  }

  var lines: [String] { records.map(\.message) }
  var records: [LogRecord] { state.withLock { $0.records } }
  var rows: [InvocationRecord] { state.withLock { $0.rows } }
  var failures: [String] { state.withLock { $0.failures } }
  var losses: Int { state.withLock { $0.lost } }
  var hasEnded: Bool { state.withLock { $0.ended } }

  func environmentIsAvailable(_ environment: ExecutionEnvironment) -> Invocation? {
    let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard let waiter = state.waiter else {
        state.available += 1
        return nil
      }
      state.waiter = nil
      return waiter
    }
    waiter?.resume()
    return nil
  }

  func environmentIsFinishing(_ environment: ExecutionEnvironment) {}
  func environmentIsExpiring(_ environment: ExecutionEnvironment) { state.withLock { $0.expirations += 1 } }
  func environmentIsLost(_ environment: ExecutionEnvironment) { state.withLock { $0.lost += 1 } }
  func environment(_ environment: ExecutionEnvironment, couldNotStart reason: String) {
    state.withLock { $0.failures.append(reason) }
  }
  func environmentEnded(_ environment: ExecutionEnvironment) { state.withLock { $0.ended = true } }
  func record(_ invocation: InvocationRecord) { state.withLock { $0.rows.append(invocation) } }
  func record(_ environment: EnvironmentRecord) {}
  func record(_ line: LogRecord) { state.withLock { $0.records.append(line) } }
}

@Suite struct `An execution environment` {
  private func answer(_ end: InvocationEnd) throws -> InvocationAnswer {
    guard case .answered(let answer) = end else { throw Unexpected() }
    return answer
  }
  private struct Unexpected: Error {}

  @Test(.timeLimit(.minutes(1))) func `answers, reports, limits the CPU after init and freezes when idle`() async throws {
    let bench = try Bench()
    let (sandbox, runtime) = await bench.warmUp()
    #expect(sandbox.content(of: "quota").hasPrefix("1447"))
    async let end = bench.invoke("one", tail: true)
    #expect(await runtime.event() == "one")
    sandbox.printLine("hello from inside")
    #expect(await runtime.respond("one", #"{"ok":true}"#) == 202)
    runtime.ask()
    let answer = try answer(await end)
    #expect(String(buffer: answer.payload) == #"{"ok":true}"# && !answer.isFunctionError)
    let tail = try #require(answer.logTail).split(separator: "\n").map(String.init)
    #expect(tail[0] == "START RequestId: one Version: $LATEST" && tail[1] == "hello from inside")
    #expect(tail[2] == "END RequestId: one")
    #expect(tail[3].hasPrefix("REPORT RequestId: one\tDuration: ") && tail[3].hasSuffix(" ms\t"))
    #expect(tail[3].contains("\tMemory Size: 128 MB\tMax Memory Used: 40 MB\tInit Duration: "))
    await bench.desk.available()
    await bench.environment.stop(reason: "idle")
    #expect(bench.desk.rows.map(\.outcome) == [.success] && bench.desk.rows.first?.coldStart == true)
    #expect(bench.desk.hasEnded && sandbox.content(of: "kill").hasPrefix("1"))
  }

  @Test(.timeLimit(.minutes(1))) func `kills at the deadline, keeps its volume, and initialises anew inside the next invoke`() async throws
  {
    let bench = try Bench(timeout: .seconds(1))
    let (first, runtime) = await bench.warmUp()
    let late = try answer(await bench.invoke("late"))
    #expect(late.isFunctionError)
    #expect(
      String(buffer: late.payload)
        == #"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: late Error: Task timed out after 1.00 seconds"}"#)
    #expect(bench.desk.lines.contains { $0.hasSuffix("late Task timed out after 1.00 seconds") })
    await bench.desk.available()
    #expect(first.content(of: "kill").hasPrefix("1"))
    async let end = bench.invoke("again")
    let second = await bench.roostd.nextSandbox()
    let successor = await second.runtime()
    successor.ask()
    #expect(await successor.event() == "again")
    _ = await successor.respond("again", "1")
    #expect(try String(buffer: answer(await end).payload) == "1")
    #expect(Set(bench.roostd.volumes).count == 1)
    withExtendedLifetime(runtime) {}
    await bench.environment.stop(reason: "stop")
    #expect(bench.desk.hasEnded)
  }

  @Test(.timeLimit(.minutes(1))) func `leaves what a dead sandbox wrote with the invocation that it served`() async throws {
    let bench = try Bench()
    let (sandbox, runtime) = await bench.warmUp()
    async let end = bench.invoke("first")
    _ = await runtime.event()
    sandbox.print("half a line")
    sandbox.tell(.exited(.runtime, .code(1)))
    _ = await end
    sandbox.print(" and the rest")
    await bench.desk.available()
    async let next = bench.invoke("second")
    let successor = await bench.roostd.nextSandbox()
    let second = await successor.runtime()
    second.ask()
    let id = await second.event()
    successor.print("whole\n")
    _ = await second.respond(id, "1")
    second.ask()
    _ = await next
    await bench.environment.stop(reason: "stop")
    #expect(bench.desk.lines.contains("half a line"))
    #expect(bench.desk.lines.contains("whole"))
  }

  @Test(.timeLimit(.minutes(1))) func `stopped before it is started ends without a sandbox, and whoever stops it waits for that`()
    async throws
  {
    let bench = try Bench()
    await bench.environment.stop(reason: "shutdown")
    #expect(bench.desk.hasEnded)
    await bench.environment.start()
    #expect(bench.roostd.volumes.isEmpty)
    await bench.environment.stop(reason: "shutdown")
  }

  @Test(.timeLimit(.minutes(1))) func `tells memory from other kills`() async throws {
    let bench = try Bench()
    let (sandbox, runtime) = await bench.warmUp()
    async let end = bench.invoke("hungry")
    _ = await runtime.event()
    sandbox.runOutOfMemory()
    let payload = try String(buffer: answer(await end).payload)
    #expect(payload.contains(#""errorType":"Runtime.OutOfMemory""#))
    await bench.environment.stop(reason: "stop")
    #expect(bench.desk.rows.map(\.outcome) == [.outOfMemory])
  }

  @Test(.timeLimit(.minutes(1))) func `an answer after a process was killed for memory is not the answer`() async throws {
    let bench = try Bench()
    let (sandbox, runtime) = await bench.warmUp()
    async let end = bench.invoke("hungry")
    let event = await runtime.event()
    // As on v1: a child is killed, its parent goes on and is faster than the notice.
    sandbox.killForMemory()
    async let status = runtime.respond(event, "\"done\"")
    let payload = try String(buffer: answer(await end).payload)
    #expect(payload.contains(#""errorType":"Runtime.OutOfMemory""#))
    await bench.environment.stop(reason: "stop")
    _ = await status
    #expect(bench.desk.rows.map(\.outcome) == [.outOfMemory])
  }

  @Test(.timeLimit(.minutes(1))) func `records what an invocation had to do without, and that alone`() async throws {
    let bench = try Bench()
    let (sandbox, runtime) = await bench.warmUp()
    #expect(sandbox.content(of: "weight") == "73", "128 MB are 0.072 of a CPU, which is 1,024")
    async let end = bench.invoke("slow")
    let event = await runtime.event()
    sandbox.replace("cpu.stat", "nr_periods 99\nnr_throttled 5\nthrottled_time 90500000\n")
    sandbox.replace("pids.events", "max 4\n")
    sandbox.replace(
      "memory.pressure", "some avg10=1.00 avg60=0.00 avg300=0.00 total=1400\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=900\n")
    #expect(await runtime.respond(event, "1") == 202)
    _ = await end
    runtime.ask()
    await bench.desk.available()
    await bench.environment.stop(reason: "stop")
    let expected = ResourceStalls(
      throttledPeriods: 3, throttledMicroseconds: 60_500, refusedProcesses: 3, memoryPressureMicroseconds: 1_000)
    #expect(bench.desk.rows.map(\.stalls) == [expected])
  }

  @Test(.timeLimit(.minutes(1))) func `reports an exit with the words of Lambda`() async throws {
    let bench = try Bench()
    let (sandbox, runtime) = await bench.warmUp()
    async let end = bench.invoke("gone")
    _ = await runtime.event()
    sandbox.tell(.exited(.runtime, .code(3)))
    let payload = try String(buffer: answer(await end).payload)
    #expect(payload.contains("RequestId: gone Error: Runtime exited with error: exit status 3"))
    await bench.environment.stop(reason: "stop")
  }

  @Test(.timeLimit(.minutes(1))) func `repeats a failed init inside the invocation and passes on what the runtime said`() async throws {
    let bench = try Bench()
    await bench.environment.start()
    let first = await bench.roostd.nextSandbox()
    _ = await first.runtime().failInit(#"{"errorMessage":"no module"}"#)
    await bench.desk.available()
    #expect(bench.desk.lines.contains { $0.hasPrefix("INIT_REPORT Init Duration: ") && $0.contains("Status: error") })
    async let end = bench.invoke("retry")
    let second = await bench.roostd.nextSandbox()
    _ = await second.runtime().failInit(#"{"errorMessage":"still no module"}"#)
    #expect(try String(buffer: answer(await end).payload) == #"{"errorMessage":"still no module"}"#)
    await bench.environment.stop(reason: "stop")
    #expect(bench.desk.rows.map(\.outcome) == [.initError])
  }

  @Test(.timeLimit(.minutes(1))) func `whose sandbox dies while idle says so and is available anew`() async throws {
    let bench = try Bench()
    let (sandbox, runtime) = await bench.warmUp()
    sandbox.tell(.exited(.runtime, .signal(9)))
    await bench.desk.available()
    #expect(bench.desk.losses == 1)
    async let end = bench.invoke("after")
    let successor = await bench.roostd.nextSandbox().runtime()
    successor.ask()
    _ = await successor.respond(await successor.event(), "7")
    #expect(try String(buffer: answer(await end).payload) == "7")
    withExtendedLifetime(runtime) {}
    await bench.environment.stop(reason: "stop")
  }

  @Test(.timeLimit(.minutes(1))) func `that the host cannot make says so and ends`() async throws {
    let bench = try Bench()
    bench.roostd.refuse(with: SpawnFailure(step: .mountRoot, errno: 22))
    await bench.environment.start()
    #expect(bench.desk.failures.count == 1 && bench.desk.hasEnded)
    guard case .unavailable = await bench.invoke("never") else { throw Unexpected() }
  }

  @Test(.timeLimit(.minutes(1))) func `stopped while it runs answers its caller`() async throws {
    let bench = try Bench()
    let (_, runtime) = await bench.warmUp()
    async let end = bench.invoke("cut")
    _ = await runtime.event()
    await bench.environment.stop(reason: "stop")
    #expect(try answer(await end).isFunctionError)
    #expect(bench.desk.rows.map(\.outcome) == [.interrupted])
  }
}
