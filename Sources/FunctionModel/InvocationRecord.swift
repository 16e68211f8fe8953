/// One row of the journal: what an invocation was, how it ended and where its time went.
package struct InvocationRecord: Sendable, Hashable, Codable {
  package var requestID: String
  package var function: FunctionID
  package var version: String
  /// The execution environment that served it; `nil` if none did (throttled, could not start).
  package var environmentID: String?
  package var type: InvocationType
  package var outcome: InvocationOutcome
  /// As in `Sandbox.Timedout`; `nil` on success.
  package var errorType: String?
  package var coldStart: Bool
  /// Milliseconds since 1970, when the request was accepted.
  package var accepted: Int64
  package var phases: InvocationPhases
  package var billedMilliseconds: Int64
  package var memorySize: MemorySize
  package var maxMemoryUsed: MemorySize
  package var cpuMicroseconds: Int64
  package var requestBytes: Int64
  package var responseBytes: Int64
  /// `nil` when nothing ran, and in rows of releases that did not record it.
  package var stalls: ResourceStalls?

  package init(
    requestID: String, function: FunctionID, version: String, environmentID: String?, type: InvocationType,
    outcome: InvocationOutcome, errorType: String?, coldStart: Bool, accepted: Int64, phases: InvocationPhases,
    billedMilliseconds: Int64, memorySize: MemorySize, maxMemoryUsed: MemorySize, cpuMicroseconds: Int64,
    requestBytes: Int64, responseBytes: Int64,
    stalls: ResourceStalls? = nil
  ) {
    self.requestID = requestID
    self.function = function
    self.version = version
    self.environmentID = environmentID
    self.type = type
    self.outcome = outcome
    self.errorType = errorType
    self.coldStart = coldStart
    self.accepted = accepted
    self.phases = phases
    self.billedMilliseconds = billedMilliseconds
    self.memorySize = memorySize
    self.maxMemoryUsed = maxMemoryUsed
    self.cpuMicroseconds = cpuMicroseconds
    self.requestBytes = requestBytes
    self.responseBytes = responseBytes
    self.stalls = stalls
  }
}

/// Where the time of one invocation went, in microseconds; a phase that did not happen is 0.
package struct InvocationPhases: Sendable, Hashable, Codable {
  /// Accepted until an environment was chosen (waiting for one to start is not queueing: it is the next two).
  package var queue: Int64
  /// Asking for a sandbox until its first process stood ready.
  package var sandboxCreate: Int64
  /// Runtime started until it asked for its first event.
  package var initialization: Int64
  /// Event handed over until the runtime's answer arrived.
  package var invoke: Int64
  /// The answer until the runtime asked for the next event.
  package var response: Int64

  package init(queue: Int64 = 0, sandboxCreate: Int64 = 0, initialization: Int64 = 0, invoke: Int64 = 0, response: Int64 = 0) {
    self.queue = queue
    self.sandboxCreate = sandboxCreate
    self.initialization = initialization
    self.invoke = invoke
    self.response = response
  }
}

/// `X-Amz-Invocation-Type`.
package enum InvocationType: String, Sendable, Hashable, Codable {
  case requestResponse = "RequestResponse"
  case event = "Event"
  case dryRun = "DryRun"
}

package enum InvocationOutcome: String, Sendable, Hashable, Codable, CaseIterable {
  case success
  /// The function answered with an error of its own.
  case functionError = "function-error"
  case timeout
  /// The runtime ended or broke the protocol.
  case crash
  case outOfMemory = "out-of-memory"
  case initError = "init-error"
  case throttled
  /// The host could not make a sandbox, or was stopped while the invocation ran.
  case hostFault = "host-fault"
  case interrupted
}

/// One row of the journal for one execution environment, written when it appears and again when it ends.
package struct EnvironmentRecord: Sendable, Hashable, Codable {
  /// A UUID in lower case.
  package var id: String
  package var function: FunctionID
  package var version: String
  package var revision: String
  package var logStream: String
  package var memorySize: MemorySize
  /// Milliseconds since 1970.
  package var started: Int64
  /// Milliseconds since 1970; `nil` while it lives.
  package var ended: Int64?
  /// Why it ended: `idle`, `evicted`, `update`, `delete`, `stop`, `failure`, `shutdown`, `credentials`, `interrupted`.
  package var endReason: String?
  /// Microseconds; `nil` until known.
  package var sandboxCreate: Int64?
  package var initialization: Int64?
  package var invocations: Int64

  package init(
    id: String, function: FunctionID, version: String, revision: String, logStream: String,
    memorySize: MemorySize, started: Int64, ended: Int64? = nil, endReason: String? = nil,
    sandboxCreate: Int64? = nil, initialization: Int64? = nil, invocations: Int64 = 0
  ) {
    self.id = id
    self.function = function
    self.version = version
    self.revision = revision
    self.logStream = logStream
    self.memorySize = memorySize
    self.started = started
    self.ended = ended
    self.endReason = endReason
    self.sandboxCreate = sandboxCreate
    self.initialization = initialization
    self.invocations = invocations
  }
}

/// One line of a function's log.
package struct LogRecord: Sendable, Hashable, Codable {
  package enum Source: String, Sendable, Hashable, Codable, CaseIterable {
    /// START, END, REPORT, INIT_START and the like: written by the host.
    case platform
    case stdout
    case stderr
    /// What the runtime sent over its log channel: a message may have several lines.
    case function
    /// What external extensions wrote.
    case `extension`

    /// Characters of the longest of the names, which stand in a column.
    package static let longestName = allCases.map(\.rawValue.count).max() ?? 0
  }

  package var function: FunctionID
  package var environmentID: String
  package var requestID: String?
  /// Microseconds since 1970.
  package var timestamp: Int64
  package var source: Source
  /// Without its newline.
  package var message: String

  package init(function: FunctionID, environmentID: String, requestID: String?, timestamp: Int64, source: Source, message: String) {
    self.function = function
    self.environmentID = environmentID
    self.requestID = requestID
    self.timestamp = timestamp
    self.source = source
    self.message = message
  }
}
