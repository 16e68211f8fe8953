import FoundationEssentials
import FunctionModel
import SpawnProtocol
import Synchronization
import Testing

@testable import Environments

/// What an environment tells of itself: lines in a log that is text, records in one that is JSON, and to who listens.
@Suite struct TelemetryTests {
  private struct Line: Decodable {
    struct Record: Decodable {
      struct Metrics: Decodable {
        var durationMs: Double?
        var billedDurationMs: Int?
        var memorySizeMB: Int?
        var maxMemoryUsedMB: Int?
        var initDurationMs: Double?
        var producedBytes: Int?
      }
      var requestId: String?
      var status: String?
      var errorType: String?
      var metrics: Metrics?
    }
    var time: String
    var type: String
    var record: Record
  }

  private func lines(_ bench: Bench) throws -> [Line] {
    try bench.desk.records.filter { $0.source == .platform && !$0.message.contains("platform.fault") }
      .map { try JSONDecoder().decode(Line.self, from: Data($0.message.utf8)) }
  }

  @Test(.timeLimit(.minutes(1))) func `in JSON has the records of an invocation, with the numbers of its row`() async throws {
    let bench = try Bench(format: .json(application: .info, system: .debug))
    let (_, runtime) = await bench.warmUp()
    async let end = bench.invoke("one", tail: true)
    _ = await runtime.event()
    #expect(await runtime.respond("one", #"{"ok":true}"#) == 202)
    runtime.ask()
    guard case .answered(let answer) = await end else { throw Unexpected() }
    await bench.desk.available()
    await bench.environment.stop(reason: "stop")
    let told = try lines(bench)
    #expect(
      told.map(\.type) == [
        "platform.initStart", "platform.initRuntimeDone", "platform.initReport", "platform.start", "platform.runtimeDone",
        "platform.report",
      ])
    let (done, report) = (told[4].record, told[5].record)
    let row = try #require(bench.desk.rows.first)
    #expect(done.requestId == "one" && done.status == "success" && done.metrics?.producedBytes == 11)
    #expect(report.requestId == "one" && report.status == "success" && report.errorType == nil)
    #expect(report.metrics?.billedDurationMs.map(Int64.init) == row.billedMilliseconds)
    #expect(report.metrics?.memorySizeMB == 128 && report.metrics?.maxMemoryUsedMB == 40)
    #expect(report.metrics?.initDurationMs == Double(row.phases.initialization) / 1_000)
    #expect(told[2].record.metrics?.durationMs == report.metrics?.initDurationMs)
    #expect(try #require(answer.logTail).hasPrefix(#"{"time":""#))
  }

  @Test(
    .timeLimit(.minutes(1)),
    arguments: [
      (LogLevel.debug, 6), (.info, 3), (.warn, 0),
    ]) func `in JSON leaves out what is below the system's level`(_ level: LogLevel, _ count: Int) async throws
  {
    let bench = try Bench(format: .json(application: .info, system: level))
    let (_, runtime) = await bench.warmUp()
    async let end = bench.invoke("one")
    _ = await runtime.respond(await runtime.event(), "1")
    runtime.ask()
    _ = await end
    await bench.desk.available()
    await bench.environment.stop(reason: "stop")
    #expect(try lines(bench).count == count)
  }

  @Test(.timeLimit(.minutes(1))) func `in JSON tells how an invocation failed, whatever the level`() async throws {
    let bench = try Bench(format: .json(application: .info, system: .warn))
    let (sandbox, runtime) = await bench.warmUp()
    async let end = bench.invoke("gone")
    _ = await runtime.event()
    sandbox.tell(.exited(.runtime, .code(3)))
    _ = await end
    await bench.desk.available()
    let told = try lines(bench)
    #expect(told.map(\.type) == ["platform.runtimeDone", "platform.report"])
    #expect(told.allSatisfy { $0.record.status == "error" && $0.record.errorType == "Runtime.ExitError" })
    let fault = bench.desk.records.last { $0.message.contains("platform.fault") }?.message
    #expect(fault?.hasSuffix(#""record":"RequestId: gone Error: Runtime exited with error: exit status 3"}"#) == true)
    await bench.environment.stop(reason: "stop")
  }

  @Test(.timeLimit(.minutes(1))) func `in JSON keeps the function's lines by their levels`() async throws {
    let bench = try Bench(format: .json(application: .warn, system: .warn))
    let (sandbox, runtime) = await bench.warmUp()
    let time = #""timestamp":"2026-01-31T23:59:59Z""#
    sandbox.printLine("plain text counts as INFO")
    sandbox.printLine(#"{"level":"INFO",\#(time)}"#)
    sandbox.printLine(#"{"level":"ERROR",\#(time)}"#)
    sandbox.writeFrames(LogFrameTests.frame(0xA55A_000E, #"{"message":"info"}"#) + LogFrameTests.frame(0xA55A_0012, #"{"message":"warn"}"#))
    async let end = bench.invoke("one")
    _ = await runtime.respond(await runtime.event(), "1")
    runtime.ask()
    _ = await end
    await bench.desk.available()
    await bench.environment.stop(reason: "stop")
    let kept = bench.desk.records.filter { $0.source != .platform }.map(\.message)
    #expect(Set(kept) == [#"{"level":"ERROR",\#(time)}"#, #"{"message":"warn"}"#])
  }

  @Test(.timeLimit(.minutes(1))) func `has a message of the log channel as one record, at the time that it says`() async throws {
    let bench = try Bench()
    let (sandbox, runtime) = await bench.warmUp()
    async let end = bench.invoke("one", tail: true)
    let event = await runtime.event()
    let now = UInt64(WallClock.microseconds())
    sandbox.writeFrames(
      LogFrameTests.frame(0xA55A_0017, "[ERROR] KeyError\nTraceback\n", time: now) + LogFrameTests.frame(0xA55A_0003, "past", time: 1)
        + LogFrameTests.frame(0xA55A_0003, "future", time: .max) + Array(LogFrameTests.frame(0xA55A_0003, "half").prefix(18)))
    _ = await runtime.respond(event, "1")
    runtime.ask()
    guard case .answered(let answer) = await end else { throw Unexpected() }
    #expect(try #require(answer.logTail).contains("\n[ERROR] KeyError\nTraceback\npast\nfuture\nEND "))
    await bench.desk.available()
    sandbox.writeFrames(Array(LogFrameTests.frame(0xA55A_0003, "half").dropFirst(18)))
    await bench.environment.stop(reason: "stop")
    let records = bench.desk.records.filter { $0.source == .function }
    #expect(records.map(\.message) == ["[ERROR] KeyError\nTraceback", "past", "future", "half"])
    #expect(records[0].timestamp == Int64(now) && records[0].requestID == "one")
    #expect(records[1].timestamp == bench.environment.started * 1_000)
    #expect(records[2].timestamp <= WallClock.microseconds())
  }

  @Test(.timeLimit(.minutes(1))) func `loses a channel that is garbled, and nothing else`() async throws {
    let bench = try Bench()
    let (sandbox, runtime) = await bench.warmUp()
    for id in ["one", "two"] {
      async let end = bench.invoke(id)
      let event = await runtime.event()
      sandbox.writeFrames(LogFrameTests.frame(0xA55A_0003, "good \(id)") + Array("Traceback (most recent call last)".utf8))
      sandbox.printLine("printed \(id)")
      _ = await runtime.respond(event, "1")
      runtime.ask()
      guard case .answered(let answer) = await end else { throw Unexpected() }
      #expect(!answer.isFunctionError)
      await bench.desk.available()
    }
    await bench.environment.stop(reason: "stop")
    #expect(bench.desk.lines.filter { $0.hasPrefix("LOG_CHANNEL_CLOSED: ") }.count == 1)
    #expect(bench.desk.records.filter { $0.source == .function }.map(\.message) == ["good one"])
    #expect(bench.desk.lines.contains("printed two"))
  }

  @Test(.timeLimit(.minutes(1))) func `of a flooded channel is bounded, and says what it left out`() async throws {
    let bench = try Bench(timeout: .seconds(30))
    let (sandbox, runtime) = await bench.warmUp()
    async let end = bench.invoke("flood")
    let event = await runtime.event()
    let frame = LogFrameTests.frame(0xA55A_0003, String(repeating: "x", count: 60_000))
    let count = Limits.invocationLogBytes / 60_000 + 20
    await withCheckedContinuation { continuation in
      ThreadBody {
        for _ in 0..<count { sandbox.writeFrames(frame) }
        continuation.resume()
      }.start()
    }
    _ = await runtime.respond(event, "1")
    runtime.ask()
    _ = await end
    await bench.desk.available()
    await bench.environment.stop(reason: "stop")
    let kept = bench.desk.records.filter { $0.source == .function }.reduce(0) { $0 + $1.message.utf8.count }
    #expect(kept == Limits.invocationLogBytes)
    let dropped = count * 60_000 - Limits.invocationLogBytes
    #expect(bench.desk.lines.contains("LOG_TRUNCATED: \(dropped) bytes beyond \(Limits.invocationLogBytes) were dropped"))
  }

  @Test(.timeLimit(.minutes(1))) func `tells who listens all of it, however little the log keeps`() async throws {
    let bench = try Bench(format: .json(application: .fatal, system: .warn))
    let told = Told()
    let (sandbox, runtime) = await bench.warmUp()
    // As for one who subscribed while init lasted.
    await bench.environment.tell { record in told.records.withLock { $0.append(record) } }
    sandbox.printLine("text")
    sandbox.printLine(#"{"a":1}"#)
    async let end = bench.invoke("one")
    _ = await runtime.respond(await runtime.event(), "1")
    runtime.ask()
    _ = await end
    await bench.desk.available()
    await bench.environment.stop(reason: "stop")
    let records = told.records.withLock { $0 }
    #expect(
      records.filter { $0.category == .platform }.map(\.type)
        == ["platform.start", "platform.runtimeDone", "platform.end", "platform.report"])
    #expect(records.filter { $0.category == .function }.map(\.event) == [.function(.text("text")), .function(.json(#"{"a":1}"#))])
    #expect(bench.desk.records.map(\.source) == [.platform])
  }

  private struct Unexpected: Error {}
  private final class Told: Sendable { let records = Mutex<[TelemetryRecord]>([]) }
}

extension ExecutionEnvironment {
  fileprivate func tell(_ body: @escaping @Sendable (TelemetryRecord) -> Void) { telemetrySink = body }
}
