/// Something that happened to an execution environment, as the Telemetry API and logs in JSON tell it.
///
/// A value only: it costs its making, and is encoded when somebody wants it.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>
package struct TelemetryRecord: Sendable, Hashable {
  /// What a subscriber subscribes to.
  package enum Category: String, Sendable, Hashable, CaseIterable {
    case platform
    case function
    case `extension`
  }

  /// Microseconds since 1970.
  package var time: Int64
  package var event: Event

  package init(time: Int64, event: Event) {
    self.time = time
    self.event = event
  }

  /// What happened. Cases are named as the types are.
  package enum Event: Sendable, Hashable {
    case initStart(InitStart)
    case initRuntimeDone(InitRuntimeDone)
    case initReport(InitReport)
    case restoreStart(RestoreStart)
    case restoreRuntimeDone(Outcome)
    case restoreReport(Outcome, duration: Duration)
    case start(Start)
    case runtimeDone(RuntimeDone)
    case report(Report)
    case `extension`(ExtensionState)
    case telemetrySubscription(Subscription)
    case logsSubscription(Subscription)
    case logsDropped(LogsDropped)
    /// Of the Logs API only.
    case end(requestID: String)
    /// Of the Logs API only.
    case fault(String)
    /// A line, or a message, of the function's.
    case function(LogMessage)
    /// A line of an external extension's.
    case extensionOutput(LogMessage)
  }

  package var category: Category {
    switch event {
    case .function: .function
    case .extensionOutput: .extension
    case .initStart, .initRuntimeDone, .initReport, .restoreStart, .restoreRuntimeDone, .restoreReport, .start, .runtimeDone, .report,
      .extension, .telemetrySubscription, .logsSubscription, .logsDropped, .end, .fault:
      .platform
    }
  }

  /// `platform.start`, `function` …
  package var type: String {
    switch event {
    case .initStart: "platform.initStart"
    case .initRuntimeDone: "platform.initRuntimeDone"
    case .initReport: "platform.initReport"
    case .restoreStart: "platform.restoreStart"
    case .restoreRuntimeDone: "platform.restoreRuntimeDone"
    case .restoreReport: "platform.restoreReport"
    case .start: "platform.start"
    case .runtimeDone: "platform.runtimeDone"
    case .report: "platform.report"
    case .extension: "platform.extension"
    case .telemetrySubscription: "platform.telemetrySubscription"
    case .logsSubscription: "platform.logsSubscription"
    case .logsDropped: "platform.logsDropped"
    case .end: "platform.end"
    case .fault: "platform.fault"
    case .function: "function"
    case .extensionOutput: "extension"
    }
  }
}

/// What a function or an extension wrote.
package enum LogMessage: Sendable, Hashable {
  case text(String)
  /// One JSON object, found valid: it stands in the record as it is.
  case json(String)
}

extension TelemetryRecord {
  package enum Status: String, Sendable, Hashable {
    case success
    /// The host is to blame.
    case failure
    /// The function is, its runtime or an extension.
    case error
    case timeout
  }

  package enum InitializationType: String, Sendable, Hashable {
    case onDemand = "on-demand"
    case provisionedConcurrency = "provisioned-concurrency"
    case snapStart = "snap-start"
  }

  /// When an init took place: in its own phase, or repeated inside an invoke.
  package enum Phase: String, Sendable, Hashable {
    case initialization = "init"
    case invoke
  }

  /// How something ended, and what was to blame.
  package struct Outcome: Sendable, Hashable {
    package var status: Status
    package var errorType: String?

    package init(_ status: Status, errorType: String? = nil) {
      self.status = status
      self.errorType = errorType
    }
  }

  package struct InitStart: Sendable, Hashable {
    package var initializationType: InitializationType
    package var phase: Phase
    package var runtimeVersion: String?
    package var runtimeVersionARN: String?
    package var function: FunctionID
    package var version: String
    /// The log stream.
    package var instanceID: String
    package var memory: MemorySize
    package var tracing: Tracing?

    package init(
      initializationType: InitializationType = .onDemand, phase: Phase, runtimeVersion: String?, runtimeVersionARN: String?,
      function: FunctionID, version: String, instanceID: String, memory: MemorySize, tracing: Tracing? = nil
    ) {
      self.initializationType = initializationType
      self.phase = phase
      self.runtimeVersion = runtimeVersion
      self.runtimeVersionARN = runtimeVersionARN
      self.function = function
      self.version = version
      self.instanceID = instanceID
      self.memory = memory
      self.tracing = tracing
    }
  }

  package struct InitRuntimeDone: Sendable, Hashable {
    package var initializationType: InitializationType
    package var phase: Phase
    package var outcome: Outcome

    package init(initializationType: InitializationType = .onDemand, phase: Phase, outcome: Outcome) {
      self.initializationType = initializationType
      self.phase = phase
      self.outcome = outcome
    }
  }

  package struct InitReport: Sendable, Hashable {
    package var initializationType: InitializationType
    package var phase: Phase
    package var outcome: Outcome
    package var duration: Duration

    package init(initializationType: InitializationType = .onDemand, phase: Phase, outcome: Outcome, duration: Duration) {
      self.initializationType = initializationType
      self.phase = phase
      self.outcome = outcome
      self.duration = duration
    }
  }

  package struct RestoreStart: Sendable, Hashable {
    package var runtimeVersion: String?
    package var runtimeVersionARN: String?
    package var function: FunctionID
    package var version: String
    package var instanceID: String
    package var memory: MemorySize

    package init(
      runtimeVersion: String?, runtimeVersionARN: String?, function: FunctionID, version: String, instanceID: String, memory: MemorySize
    ) {
      self.runtimeVersion = runtimeVersion
      self.runtimeVersionARN = runtimeVersionARN
      self.function = function
      self.version = version
      self.instanceID = instanceID
      self.memory = memory
    }
  }

  /// The X-Ray header of an invocation.
  package struct Tracing: Sendable, Hashable {
    package var value: String
    package var spanID: String?

    package init(value: String, spanID: String? = nil) {
      self.value = value
      self.spanID = spanID
    }
  }

  /// A part of an invocation's time.
  package struct Span: Sendable, Hashable {
    /// `responseLatency`, `responseDuration`, `runtimeOverhead`, `extensionOverhead`
    package var name: String
    /// Microseconds since 1970.
    package var start: Int64
    package var duration: Duration

    package init(_ name: String, start: Int64, duration: Duration) {
      self.name = name
      self.start = start
      self.duration = duration
    }
  }

  package struct Start: Sendable, Hashable {
    package var requestID: String
    package var version: String
    package var tracing: Tracing?
    package var tenantID: String?

    package init(requestID: String, version: String, tracing: Tracing? = nil, tenantID: String? = nil) {
      self.requestID = requestID
      self.version = version
      self.tracing = tracing
      self.tenantID = tenantID
    }
  }

  package struct RuntimeDone: Sendable, Hashable {
    package var requestID: String
    package var outcome: Outcome
    /// From handing out the event to the runtime's next question.
    package var duration: Duration
    /// Of the response; `nil` if there was none.
    package var producedBytes: Int?
    package var spans: [Span]
    package var tracing: Tracing?

    package init(
      requestID: String, outcome: Outcome, duration: Duration, producedBytes: Int?, spans: [Span] = [], tracing: Tracing? = nil
    ) {
      self.requestID = requestID
      self.outcome = outcome
      self.duration = duration
      self.producedBytes = producedBytes
      self.spans = spans
      self.tracing = tracing
    }
  }

  package struct Report: Sendable, Hashable {
    package struct Metrics: Sendable, Hashable {
      package var duration: Duration
      package var billedMilliseconds: Int64
      package var memorySize: MemorySize
      package var maxMemoryUsed: MemorySize
      package var initDuration: Duration?
      package var restoreDuration: Duration?
      package var billedRestoreMilliseconds: Int64?

      package init(
        duration: Duration, billedMilliseconds: Int64, memorySize: MemorySize, maxMemoryUsed: MemorySize, initDuration: Duration? = nil,
        restoreDuration: Duration? = nil, billedRestoreMilliseconds: Int64? = nil
      ) {
        self.duration = duration
        self.billedMilliseconds = billedMilliseconds
        self.memorySize = memorySize
        self.maxMemoryUsed = maxMemoryUsed
        self.initDuration = initDuration
        self.restoreDuration = restoreDuration
        self.billedRestoreMilliseconds = billedRestoreMilliseconds
      }
    }

    package var requestID: String
    package var outcome: Outcome
    package var metrics: Metrics
    package var spans: [Span]
    package var tracing: Tracing?

    package init(requestID: String, outcome: Outcome, metrics: Metrics, spans: [Span] = [], tracing: Tracing? = nil) {
      self.requestID = requestID
      self.outcome = outcome
      self.metrics = metrics
      self.spans = spans
      self.tracing = tracing
    }
  }

  package struct ExtensionState: Sendable, Hashable {
    package var name: String
    /// `Registered`, `Ready`, `LaunchError` …
    package var state: String
    package var events: [String]
    package var errorType: String?

    package init(name: String, state: String, events: [String], errorType: String? = nil) {
      self.name = name
      self.state = state
      self.events = events
      self.errorType = errorType
    }
  }

  package struct Subscription: Sendable, Hashable {
    package var name: String
    package var state: String
    package var types: [Category]

    package init(name: String, state: String = "Subscribed", types: [Category]) {
      self.name = name
      self.state = state
      self.types = types
    }
  }

  package struct LogsDropped: Sendable, Hashable {
    package var bytes: Int
    package var records: Int
    package var reason: String

    package init(bytes: Int, records: Int, reason: String) {
      self.bytes = bytes
      self.records = records
      self.reason = reason
    }
  }
}
