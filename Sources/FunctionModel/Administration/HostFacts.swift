/// What the running daemon says of itself and of its host. Answer of `GET /admin/host`.
package struct HostFacts: Sendable, Hashable, Codable {
  /// Version of the daemon, as in `0.1.0`.
  package var version: String
  /// When the daemon started, in milliseconds since 1970.
  package var started: Int64
  package var stateDirectory: String
  /// Where the Lambda API answers, as in `http://127.0.0.1:3001`.
  package var endpoint: String
  /// Account and region of requests that name none.
  package var owner: Owner
  /// Runtimes whose images are installed, sorted.
  package var runtimes: [String]
  package var capacity: HostCapacity
  /// `nil` from a daemon that does not tell.
  package var security: SecurityFacts?

  package init(
    version: String, started: Int64, stateDirectory: String, endpoint: String, owner: Owner, runtimes: [String],
    capacity: HostCapacity, security: SecurityFacts? = nil
  ) {
    self.version = version
    self.started = started
    self.stateDirectory = stateDirectory
    self.endpoint = endpoint
    self.owner = owner
    self.runtimes = runtimes
    self.capacity = capacity
    self.security = security
  }
}

/// How much may run on the host at once, and how much does.
package struct HostCapacity: Sendable, Hashable, Codable {
  /// Invocations that may run at the same time.
  package var concurrencyLimit: Int
  package var concurrencyInUse: Int
  /// Sum of the memory limits that environments may have together.
  package var memoryBudget: MemorySize
  package var memoryCommitted: MemorySize
  /// Sum of the sizes of `/tmp` that environments may have together.
  package var diskBudget: MemorySize
  package var diskCommitted: MemorySize

  package init(
    concurrencyLimit: Int, concurrencyInUse: Int, memoryBudget: MemorySize, memoryCommitted: MemorySize, diskBudget: MemorySize,
    diskCommitted: MemorySize
  ) {
    self.concurrencyLimit = concurrencyLimit
    self.concurrencyInUse = concurrencyInUse
    self.memoryBudget = memoryBudget
    self.memoryCommitted = memoryCommitted
    self.diskBudget = diskBudget
    self.diskCommitted = diskCommitted
  }
}
