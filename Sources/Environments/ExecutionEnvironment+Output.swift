import FunctionModel
import Logging
import NIOCore
import Sandboxing

// What the runtime writes to stdout and stderr becomes log records, each with the invocation in whose time it was written.
extension ExecutionEnvironment {
  /// What a pipe holds: all that can have been written before an invocation ended.
  private static let pipeSize = 65_536

  /// The pipe has something.
  func readOutput(_ stream: OutputStream, of sandbox: Sandbox) {
    let began = NIODeadline.now()
    switch drain(stream, of: sandbox, limit: paces[stream, default: OutputPace()].bytes) {
    case .ended: break
    case .empty: sandbox.awaitOutput(stream)
    case .more:
      let pause = paces[stream, default: OutputPace()].pause(after: .now() - began)
      eventLoop.scheduleTask(in: pause) { sandbox.awaitOutput(stream) }
    }
  }

  /// Everything written before now is in the log when this returns.
  func collectOutput() {
    guard let sandbox else { return }
    for stream in [OutputStream.standardOutput, .standardError] {
      _ = drain(stream, of: sandbox, limit: Self.pipeSize)
      splitters[stream]?.flush { logLine($0, from: stream) }
    }
  }

  private enum Drained {
    case empty
    case more
    case ended
  }

  private func drain(_ stream: OutputStream, of sandbox: Sandbox, limit: Int) -> Drained {
    var bytes = [UInt8]()
    do {
      let ended = try sandbox.drainOutput(stream, into: &bytes, limit: limit)
      let drained: Drained = ended ? .ended : bytes.count < limit ? .empty : .more
      bytes.removeLast(bytes.count - output.allowance.take(bytes.count))
      if !bytes.isEmpty { splitters[stream]?.append(bytes) { logLine($0, from: stream) } }
      return drained
    } catch {
      host.logger.error("environment \(id): \(error)")
      return .ended
    }
  }

  private func logLine(_ line: String, from stream: OutputStream) {
    output.tail?.append(line)
    record(line, stream == .standardOutput ? .stdout : .stderr)
  }

  /// A line of the host's own: INIT_START, START, END, REPORT …
  func logPlatform(_ line: String) {
    output.tail?.append(line)
    record(line, .platform)
  }

  private func record(_ line: String, _ source: LogRecord.Source) {
    recorder.record(
      LogRecord(
        function: version.function, environmentID: id, requestID: output.requestID,
        timestamp: WallClock.microseconds(), source: source, message: line))
  }

  func logStart(_ invocation: Invocation) {
    logDropped()
    output.requestID = invocation.requestID
    output.tail = invocation.wantsLogTail ? LogTail(limit: Limits.logTailBytes) : nil
    logPlatform("START RequestId: \(invocation.requestID) Version: \(version.version)")
  }

  /// Says once what was not kept; the next output is a new invocation's.
  func logDropped() {
    let dropped = output.allowance.dropped
    if dropped > 0 { logPlatform("LOG_TRUNCATED: \(dropped) bytes beyond \(Limits.invocationLogBytes) were dropped") }
    output.allowance = LogAllowance(bytes: Limits.invocationLogBytes)
  }

  func logEnd(_ running: RunningInvocation, _ report: InvocationReport, fault: InvocationFault?) {
    logDropped()
    let requestID = running.invocation.requestID
    for line in fault?.logLines(requestID: requestID, now: WallClock.timestamp()) ?? [] { logPlatform(line) }
    logPlatform("END RequestId: \(requestID)")
    logPlatform(report.line)
  }

  /// What the sandbox has used: the cgroup's peak since it was made, the CPU time of all its processes, and what they had to wait for.
  func usage() -> Usage {
    guard let sandbox else { return Usage() }
    do {
      let (cpuMicroseconds, stalls) = try sandbox.cpuAndStalls()
      return Usage(maxMemory: try sandbox.maxMemoryUsed(), cpuMicroseconds: cpuMicroseconds, stalls: stalls)
    } catch {
      host.logger.error("environment \(id): \(error)")
      return Usage()
    }
  }

  func recordEnvironment() {
    recorder.record(
      EnvironmentRecord(
        id: id, function: version.function, version: version.version, revision: version.key.revision,
        logStream: logStream, memorySize: version.memory, started: started,
        ended: hasEnded ? WallClock.milliseconds() : nil, endReason: hasEnded ? endReason : nil,
        sandboxCreate: times.sandboxCreate == .zero ? nil : times.sandboxCreate.microseconds,
        initialization: times.initPhaseSucceeded ? times.initialization.microseconds : nil,
        invocations: times.invocations))
  }
}

/// What a sandbox has used so far.
struct Usage: Sendable {
  var maxMemory = MemorySize(bytes: 0)
  var cpuMicroseconds: Int64 = 0
  var stalls = ResourceStalls()
}
