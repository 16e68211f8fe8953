// {"time":"2026-01-31T23:59:59.123Z","type":"platform.start","record":{…}}: member names as in AWS's schema 2022-12-13.
extension TelemetryRecord {
  /// The record as one line of JSON.
  package var json: String { String(decoding: encoded(after: []), as: UTF8.self) }

  /// The record's JSON appended to `bytes`.
  package func encode(into bytes: inout [UInt8]) {
    let before = bytes
    bytes = []
    bytes = encoded(after: before)
  }

  private func encoded(after bytes: consuming [UInt8]) -> [UInt8] {
    var writer = JSONObjectWriter(after: bytes)
    writer.add("time", CalendarTime(milliseconds: time / 1_000).iso)
    writer.add("type", type)
    switch event {
    case .function(.text(let text)), .extensionOutput(.text(let text)), .fault(let text): writer.add("record", text)
    case .function(.json(let json)), .extensionOutput(.json(let json)): writer.add("record", json: json)
    case .initStart, .initRuntimeDone, .initReport, .restoreStart, .restoreRuntimeDone, .restoreReport, .start, .runtimeDone, .report,
      .extension, .telemetrySubscription, .logsSubscription, .logsDropped, .end:
      writer.add("record") { event.write(to: &$0) }
    }
    return writer.finished()
  }
}

extension TelemetryRecord.Event {
  /// The members of `record`, for an event whose record is an object.
  fileprivate func write(to writer: inout JSONObjectWriter) {
    switch self {
    case .initStart(let start): start.write(to: &writer)
    case .initRuntimeDone(let done):
      writer.add("initializationType", done.initializationType.rawValue)
      writer.add("phase", done.phase.rawValue)
      done.outcome.write(to: &writer)
    case .initReport(let report):
      writer.add("initializationType", report.initializationType.rawValue)
      writer.add("phase", report.phase.rawValue)
      report.outcome.write(to: &writer)
      writer.add("metrics") { $0.add("durationMs", milliseconds: report.duration) }
    case .restoreStart(let start): start.write(to: &writer)
    case .restoreRuntimeDone(let outcome): outcome.write(to: &writer)
    case .restoreReport(let outcome, let duration):
      outcome.write(to: &writer)
      writer.add("metrics") { $0.add("durationMs", milliseconds: duration) }
    case .start(let start): start.write(to: &writer)
    case .runtimeDone(let done): done.write(to: &writer)
    case .report(let report): report.write(to: &writer)
    case .extension(let state): state.write(to: &writer)
    case .telemetrySubscription(let subscription), .logsSubscription(let subscription): subscription.write(to: &writer)
    case .logsDropped(let dropped):
      writer.add("droppedBytes", dropped.bytes)
      writer.add("droppedRecords", dropped.records)
      writer.add("reason", dropped.reason)
    case .end(let requestID): writer.add("requestId", requestID)
    case .fault, .function, .extensionOutput: break
    }
  }
}

extension TelemetryRecord.Outcome {
  fileprivate func write(to writer: inout JSONObjectWriter) {
    writer.add("status", status.rawValue)
    writer.add("errorType", errorType)
  }
}

extension TelemetryRecord.InitStart {
  fileprivate func write(to writer: inout JSONObjectWriter) {
    writer.add("initializationType", initializationType.rawValue)
    writer.add("phase", phase.rawValue)
    writer.add("runtimeVersion", runtimeVersion)
    writer.add("runtimeVersionArn", runtimeVersionARN)
    writer.add("functionName", function.name)
    writer.add("functionArn", function.arn)
    writer.add("functionVersion", version)
    writer.add("instanceId", instanceID)
    writer.add("instanceMaxMemory", memory.bytes)
    tracing?.write(to: &writer)
  }
}

extension TelemetryRecord.RestoreStart {
  fileprivate func write(to writer: inout JSONObjectWriter) {
    writer.add("runtimeVersion", runtimeVersion)
    writer.add("runtimeVersionArn", runtimeVersionARN)
    writer.add("functionName", function.name)
    writer.add("functionArn", function.arn)
    writer.add("functionVersion", version)
    writer.add("instanceId", instanceID)
    writer.add("instanceMaxMemory", memory.bytes)
  }
}

extension TelemetryRecord.Tracing {
  fileprivate func write(to writer: inout JSONObjectWriter) {
    writer.add("tracing") {
      $0.add("spanId", spanID)
      $0.add("type", "X-Amzn-Trace-Id")
      $0.add("value", value)
    }
  }
}

extension TelemetryRecord.Start {
  fileprivate func write(to writer: inout JSONObjectWriter) {
    writer.add("requestId", requestID)
    writer.add("version", version)
    tracing?.write(to: &writer)
    writer.add("tenantId", tenantID)
  }
}

extension [TelemetryRecord.Span] {
  fileprivate func write(to writer: inout JSONObjectWriter) {
    guard !isEmpty else { return }
    writer.add("spans", each: self) { writer, span in
      writer.add("name", span.name)
      writer.add("start", CalendarTime(milliseconds: span.start / 1_000).iso)
      writer.add("durationMs", milliseconds: span.duration)
    }
  }
}

extension TelemetryRecord.RuntimeDone {
  fileprivate func write(to writer: inout JSONObjectWriter) {
    writer.add("requestId", requestID)
    outcome.write(to: &writer)
    writer.add("metrics") {
      $0.add("durationMs", milliseconds: duration)
      $0.add("producedBytes", producedBytes)
    }
    spans.write(to: &writer)
    tracing?.write(to: &writer)
  }
}

extension TelemetryRecord.Report {
  fileprivate func write(to writer: inout JSONObjectWriter) {
    writer.add("requestId", requestID)
    outcome.write(to: &writer)
    writer.add("metrics") {
      $0.add("durationMs", milliseconds: metrics.duration)
      $0.add("billedDurationMs", metrics.billedMilliseconds)
      $0.add("memorySizeMB", metrics.memorySize.megabytes)
      $0.add("maxMemoryUsedMB", metrics.maxMemoryUsed.megabytesRoundedUp)
      $0.add("initDurationMs", milliseconds: metrics.initDuration)
      $0.add("restoreDurationMs", milliseconds: metrics.restoreDuration)
      $0.add("billedRestoreDurationMs", metrics.billedRestoreMilliseconds)
    }
    spans.write(to: &writer)
    tracing?.write(to: &writer)
  }
}

extension TelemetryRecord.ExtensionState {
  fileprivate func write(to writer: inout JSONObjectWriter) {
    writer.add("name", name)
    writer.add("state", state)
    writer.add("events", events)
    writer.add("errorType", errorType)
  }
}

extension TelemetryRecord.Subscription {
  fileprivate func write(to writer: inout JSONObjectWriter) {
    writer.add("name", name)
    writer.add("state", state)
    writer.add("types", types.map(\.rawValue))
  }
}
