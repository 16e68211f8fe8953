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
    for stream in programs.outputs {
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
      take(&bytes, from: stream)
      return drained
    } catch {
      host.logger.error("environment \(id): \(error)")
      return .ended
    }
  }

  private func take(_ bytes: inout [UInt8], from stream: OutputStream) {
    guard !bytes.isEmpty else { return }
    if stream == .logChannel { return takeFrames(bytes) }
    bytes.removeLast(bytes.count - output.allowance.take(bytes.count))
    splitters[stream]?.append(bytes) { logLine($0, from: stream) }
  }

  private func logLine(_ line: String, from stream: OutputStream) {
    switch stream {
    case .standardOutput: write(line, from: .stdout)
    case .standardError: write(line, from: .stderr)
    case .extension: write(line, from: .extension)
    case .logChannel: break  // has records, and no lines
    }
  }

  /// One record of the function's or of an extension's, if it matters enough to be kept; who subscribed is told in any case.
  ///
  /// - Parameters:
  ///   - level: as its writer says; `nil` for a line that may say so itself.
  ///   - time: microseconds since 1970; `nil` is now.
  func write(_ message: String, from source: LogRecord.Source, level: LogLevel? = nil, at time: Int64? = nil) {
    let time = time ?? WallClock.microseconds()
    var isKept = true
    if case .json(let least, _) = version.logFormat {
      let line = JSONLogLine(message)
      // What has no level counts as INFO, as Lambda has it. Extensions' lines are not the function's.
      isKept = source == .extension || (level ?? line?.level ?? .info) >= least
      telemetrySink?(.output(line == nil ? .text(message) : .json(message), from: source, at: time))
    } else {
      telemetrySink?(.output(.text(message), from: source, at: time))
    }
    guard isKept else { return }
    output.tail?.append(message)
    record(message, source, at: time)
  }

  /// A line of the host's own, as it stands in the log.
  func logPlatform(_ line: String) {
    output.tail?.append(line)
    record(line, .platform, at: WallClock.microseconds())
  }

  private func record(_ message: String, _ source: LogRecord.Source, at time: Int64) {
    recorder.record(
      LogRecord(
        function: version.function, environmentID: id, requestID: output.requestID, timestamp: time, source: source, message: message))
  }

  func logStart(_ invocation: Invocation) {
    logDropped()
    output.requestID = invocation.requestID
    output.tail = invocation.wantsLogTail ? LogTail(limit: Limits.logTailBytes) : nil
    tellStart(invocation)
  }

  /// Says once what was not kept; the next output is a new invocation's.
  func logDropped() {
    let dropped = output.allowance.dropped
    if dropped > 0 {
      logText("LOG_TRUNCATED: \(dropped) bytes beyond \(Limits.invocationLogBytes) were dropped")
      telemetry(.logsDropped(.init(bytes: dropped, records: 0, reason: "Beyond \(Limits.invocationLogBytes) bytes of one invocation")))
    }
    output.allowance = LogAllowance(bytes: Limits.invocationLogBytes)
  }

  func logEnd(_ running: RunningInvocation, _ report: InvocationReport, fault: InvocationFault?) {
    logDropped()
    tellEnd(running, report, fault: fault)
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
