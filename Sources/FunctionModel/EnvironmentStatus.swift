/// What `roost ps` shows of one live execution environment.
package struct EnvironmentStatus: Sendable, Hashable, Codable {
  package enum State: String, Sendable, Hashable, Codable {
    case starting
    case initializing
    case running
    case frozen
    /// Waiting for an event that will make it initialise anew (after a timeout, a crash or a failed init).
    case reset
    case stopping
  }

  package var id: String
  package var function: FunctionID
  package var version: String
  package var state: State
  package var memorySize: MemorySize
  /// What the cgroup is charged with now; `nil` while there is no sandbox.
  package var memoryUsed: MemorySize?
  package var maxMemoryUsed: MemorySize?
  /// CPU time used since it was made, in microseconds.
  package var cpuMicroseconds: Int64
  /// Milliseconds since 1970.
  package var started: Int64
  package var lastUsed: Int64
  package var invocations: Int64
  package var logStream: String
  /// Host-side facts for `roost inspect`: host uid, PID of its first process, cgroup path.
  package var hostUserID: Int
  package var hostProcessID: Int?
  package var currentRequestID: String?
  /// Whether its policy lets it reach anything outside; `nil` from a daemon that does not tell.
  package var egress: NetworkDefinitions.Egress?

  package init(
    id: String, function: FunctionID, version: String, state: State, memorySize: MemorySize,
    memoryUsed: MemorySize?, maxMemoryUsed: MemorySize?, cpuMicroseconds: Int64, started: Int64,
    lastUsed: Int64, invocations: Int64, logStream: String, hostUserID: Int, hostProcessID: Int?,
    currentRequestID: String?, egress: NetworkDefinitions.Egress? = nil
  ) {
    self.id = id
    self.function = function
    self.version = version
    self.state = state
    self.memorySize = memorySize
    self.memoryUsed = memoryUsed
    self.maxMemoryUsed = maxMemoryUsed
    self.cpuMicroseconds = cpuMicroseconds
    self.started = started
    self.lastUsed = lastUsed
    self.invocations = invocations
    self.logStream = logStream
    self.hostUserID = hostUserID
    self.hostProcessID = hostProcessID
    self.currentRequestID = currentRequestID
    self.egress = egress
  }
}
