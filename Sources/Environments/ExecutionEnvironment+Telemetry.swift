import FunctionModel
import NIOCore
import RuntimeAPI

// What happens in an environment, as records: for its log where that is JSON, and for whoever subscribed to them.
extension ExecutionEnvironment {
  /// Tells what happened. Where the log is text and nobody has subscribed it costs a look at two fields: `event` is not even made.
  ///
  /// - Parameter time: microseconds since 1970; `nil` is now.
  func telemetry(_ event: @autoclosure () -> TelemetryRecord.Event, at time: Int64? = nil) {
    guard telemetrySink != nil || version.logFormat != .text else { return }
    let record = TelemetryRecord(time: time ?? WallClock.microseconds(), event: event())
    telemetrySink?(record)
    guard case .json(_, let least) = version.logFormat, let level = record.systemLevel, level >= least else { return }
    logPlatform(record.json)
  }

  /// A line of the host's own, in a log that is text: INIT_START, START, END, REPORT …
  func logText(_ line: @autoclosure () -> String) {
    if version.logFormat == .text { logPlatform(line()) }
  }

  /// Something that the host has to say to whoever reads the log, whatever its format.
  func logFault(_ text: String) {
    logText(text)
    telemetry(.fault(text))
  }

  func tellInitStart(_ image: (version: String, arn: String), running: RunningInvocation?) {
    if running == nil { logText("INIT_START Runtime Version: \(image.version)\tRuntime Version ARN: \(image.arn)") }
    telemetry(
      .initStart(
        .init(
          phase: running == nil ? .initialization : .invoke, runtimeVersion: image.version, runtimeVersionARN: image.arn,
          function: version.function, version: version.version, instanceID: logStream, memory: version.memory)))
  }

  /// The runtime's part of an init is over, and here with it the init.
  func tellInitEnd(phase: TelemetryRecord.Phase, fault: InvocationFault?, duration: TimeAmount) {
    let outcome = fault?.telemetryOutcome ?? .init(.success)
    telemetry(.initRuntimeDone(.init(phase: phase, outcome: outcome)))
    telemetry(.initReport(.init(phase: phase, outcome: outcome, duration: .nanoseconds(duration.nanoseconds))))
  }

  /// The line of an init that failed.
  func initReport(_ phase: String, _ fault: InvocationFault, _ duration: TimeAmount) -> String {
    "INIT_REPORT Init Duration: \(Milliseconds(duration).text) ms\tPhase: \(phase)\tStatus: \(fault.reportStatus)\t"
      + "Error Type: \(fault.errorType)"
  }

  func tellRuntimeDone(_ report: InvocationReport) {
    telemetry(.runtimeDone(report.runtimeDone))
  }

  /// How an extension's init went, or that it failed later.
  func tellExtension(_ name: String, _ state: String, events: [String] = [], errorType: String? = nil) {
    let error = errorType.map { "\tError Type: \($0.jsonSafe)" } ?? ""
    logText("EXTENSION\tName: \(name.jsonSafe)\tState: \(state)\tEvents: [\(events.joined(separator: ","))]\(error)")
    telemetry(.extension(.init(name: name, state: state, events: events, errorType: errorType)))
  }

  /// - Parameter isToLogs: it subscribed through the Logs API.
  func tellSubscription(_ subscription: TelemetryRecord.Subscription, isToLogs: Bool) {
    let types = subscription.types.map(\.rawValue).joined(separator: ",")
    logText("\(isToLogs ? "LOGS" : "TELEMETRY")\tName: \(subscription.name.jsonSafe)\tState: \(subscription.state)\tTypes: [\(types)]")
    telemetry(isToLogs ? .logsSubscription(subscription) : .telemetrySubscription(subscription))
  }

  /// Init is over, and with it the time to subscribe: if nobody did, records are made for the log only.
  func endSubscription() {
    if let runtime, !runtime.wantsTelemetry { telemetrySink = nil }
  }

  func tellStart(_ invocation: Invocation) {
    logText("START RequestId: \(invocation.requestID) Version: \(version.version)")
    telemetry(
      .start(
        .init(
          requestID: invocation.requestID, version: version.version, tracing: .init(sampled: invocation.traceID),
          tenantID: invocation.tenantID)))
  }

  func tellEnd(_ running: RunningInvocation, _ report: InvocationReport, fault: InvocationFault?) {
    let requestID = running.invocation.requestID
    if running.initializesInside, running.delivered == nil, let fault {
      let duration = NIODeadline.now() - times.initBegan
      logText(initReport("invoke", fault, duration))
      tellInitEnd(phase: .invoke, fault: fault, duration: duration)
    }
    let lines = fault?.logLines(requestID: requestID, now: WallClock.timestamp()) ?? []
    for line in lines { logText(line) }
    if let line = lines.first { telemetry(.fault(line)) }
    logText("END RequestId: \(requestID)")
    // With extensions that took longer it has been told already.
    if !running.awaitsExtensions { tellRuntimeDone(report) }
    telemetry(.end(requestID: requestID))
    logText(report.line)
    telemetry(.report(report.telemetry))
  }
}

extension TelemetryRecord {
  /// What the record counts as when `SystemLogLevel` filters the log; `nil` for what is not the log's.
  ///
  /// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>
  var systemLevel: LogLevel? {
    switch event {
    case .initStart(let start): start.runtimeVersion == nil ? .debug : .info
    case .restoreStart(let start): start.runtimeVersion == nil ? .debug : .info
    case .initRuntimeDone(let done): done.outcome.status == .success ? .debug : .warn
    case .initReport(let report):
      report.outcome.status != .success ? .warn : report.initializationType == .onDemand ? .debug : .info
    case .restoreRuntimeDone(let outcome): outcome.status == .success ? .debug : .warn
    case .restoreReport(let outcome, _): outcome.status == .success ? .info : .warn
    case .start, .telemetrySubscription, .logsSubscription: .info
    case .runtimeDone(let done): done.outcome.status == .success ? .debug : .warn
    case .report(let report): report.outcome.status == .success ? .info : .warn
    case .extension(let state): state.errorType == nil ? .info : .warn
    case .logsDropped, .fault: .warn
    case .end, .function, .extensionOutput: nil
    }
  }
}

extension TelemetryRecord.Tracing {
  /// Of an invocation that is traced; `nil` for the others.
  init?(sampled header: String) {
    guard header.hasSuffix("Sampled=1") || header.contains("Sampled=1;") else { return nil }
    self.init(value: header)
  }
}

extension InvocationFault {
  /// As records tell it: what the host did to a function is a failure, what the function did an error.
  var telemetryOutcome: TelemetryRecord.Outcome {
    switch self {
    case .timedOut, .initTimedOut: .init(.timeout, errorType: errorType)
    case .stopped: .init(.failure, errorType: errorType)
    case .exited, .outOfMemory, .invalidEntrypoint, .initError, .invalidResponseMode, .truncatedResponse, .extension:
      .init(.error, errorType: errorType)
    }
  }
}

extension InvocationReport {
  var runtimeDone: TelemetryRecord.RuntimeDone {
    TelemetryRecord.RuntimeDone(
      requestID: running.invocation.requestID, outcome: running.runtimeDone == nil ? telemetryOutcome : answerOutcome,
      duration: .nanoseconds(running.delivered.map { runtimeEnded - $0 }?.nanoseconds ?? 0), producedBytes: producedBytes, spans: spans,
      tracing: .init(sampled: running.invocation.traceID))
  }

  var telemetry: TelemetryRecord.Report {
    TelemetryRecord.Report(
      requestID: running.invocation.requestID, outcome: telemetryOutcome,
      metrics: .init(
        duration: .nanoseconds(duration.nanoseconds), billedMilliseconds: billedMilliseconds, memorySize: version.memory,
        maxMemoryUsed: min(usage.maxMemory, version.memory), initDuration: initDuration.map { .nanoseconds($0.nanoseconds) }),
      spans: running.awaitsExtensions ? [span("extensionOverhead", runtimeEnded, ended)] : [],
      tracing: .init(sampled: running.invocation.traceID))
  }

  /// When the runtime's part was over.
  private var runtimeEnded: NIODeadline { running.runtimeDone ?? ended }

  private var telemetryOutcome: TelemetryRecord.Outcome { fault?.telemetryOutcome ?? answerOutcome }

  private var answerOutcome: TelemetryRecord.Outcome {
    guard let answered = running.answered, answered.isError else { return .init(.success) }
    return .init(.error, errorType: answered.errorType)
  }

  /// How long the response took to begin, to come, and what the runtime did after it.
  private var spans: [TelemetryRecord.Span] {
    guard let delivered = running.delivered, let answered = running.answered?.time else { return [] }
    let began = responseBegan ?? answered
    return [("responseLatency", delivered, began), ("responseDuration", began, answered), ("runtimeOverhead", answered, runtimeEnded)]
      .map(span)
  }

  private func span(_ name: String, _ from: NIODeadline, _ to: NIODeadline) -> TelemetryRecord.Span {
    TelemetryRecord.Span(
      name, start: running.begunWall * 1_000 + (from - running.begun).microseconds, duration: .nanoseconds((to - from).nanoseconds))
  }
}

extension TelemetryRecord {
  /// What a program wrote.
  static func output(_ message: LogMessage, from source: LogRecord.Source, at time: Int64) -> TelemetryRecord {
    TelemetryRecord(time: time, event: source == .extension ? .extensionOutput(message) : .function(message))
  }
}
