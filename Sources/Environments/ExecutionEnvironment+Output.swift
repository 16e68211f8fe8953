import FunctionModel
import Logging
import NIOCore
import Sandboxing

// What the runtime writes to stdout and stderr becomes log records, each with the invocation in whose time it was written.
extension ExecutionEnvironment {
  /// Most that is read from a pipe in one turn of the loop; a flood waits in its pipe, which stops the writer.
  private static let turnLimit = 16_384
  /// How long a stream that filled its turn waits for the next, so that a flood leaves the loop to others.
  private static let turnPause = TimeAmount.milliseconds(2)
  /// What a pipe holds: all that can have been written before an invocation ended.
  private static let pipeSize = 65_536

  /// The pipe has something.
  func readOutput(_ stream: OutputStream, of sandbox: Sandbox) {
    switch drain(stream, of: sandbox, limit: Self.turnLimit) {
    case .ended: break
    case .empty: sandbox.awaitOutput(stream)
    case .more: eventLoop.scheduleTask(in: Self.turnPause) { sandbox.awaitOutput(stream) }
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
      if !bytes.isEmpty { splitters[stream]?.append(bytes) { logLine($0, from: stream) } }
      return ended ? .ended : bytes.count < limit ? .empty : .more
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
    output.requestID = invocation.requestID
    output.tail = invocation.wantsLogTail ? LogTail(limit: Limits.logTailBytes) : nil
    logPlatform("START RequestId: \(invocation.requestID) Version: \(version.version)")
  }

  func logEnd(_ running: RunningInvocation, _ report: InvocationReport, fault: InvocationFault?) {
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
