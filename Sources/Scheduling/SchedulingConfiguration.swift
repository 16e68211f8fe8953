package import FunctionModel

/// What bounds the dispatcher.
package struct SchedulingConfiguration: Sendable {
  /// Invocations at once in the account; Lambda's default is 1,000.
  package var concurrencyLimit: Int
  /// Sum of the memory sizes of all environments that may live at once.
  package var memoryBudget: MemorySize
  /// How long an environment may stay idle.
  package var idleTimeout: Duration
  /// Host uids that environments are given, one each.
  package var userIDs: ClosedRange<UInt32>

  package init(concurrencyLimit: Int, memoryBudget: MemorySize, idleTimeout: Duration, userIDs: ClosedRange<UInt32>) {
    self.concurrencyLimit = concurrencyLimit
    self.memoryBudget = memoryBudget
    self.idleTimeout = idleTimeout
    self.userIDs = userIDs
  }
}

/// What `roost doctor` and the host page show of admission.
package struct AdmissionFacts: Sendable, Hashable, Codable {
  package var concurrencyLimit: Int
  package var concurrency: Int
  package var memoryBudget: MemorySize
  package var memoryCommitted: MemorySize
  package var environments: Int
}
