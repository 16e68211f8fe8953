/// What bounds the dispatcher.
package struct SchedulingConfiguration: Sendable {
  /// Invocations at once in the account; Lambda's default is 1,000.
  package var concurrencyLimit: Int
  /// Sums of the memory sizes and of the `/tmp` sizes of all environments that may live at once.
  package var budget: HostResources
  /// How long an environment may stay idle.
  package var idleTimeout: Duration
  /// Host uids that environments are given, one each.
  package var userIDs: ClosedRange<UInt32>

  package init(concurrencyLimit: Int, budget: HostResources, idleTimeout: Duration, userIDs: ClosedRange<UInt32>) {
    self.concurrencyLimit = concurrencyLimit
    self.budget = budget
    self.idleTimeout = idleTimeout
    self.userIDs = userIDs
  }
}

/// What `roost doctor` and the host page show of admission.
package struct AdmissionFacts: Sendable, Hashable {
  package var concurrencyLimit: Int
  package var concurrency: Int
  package var budget: HostResources
  package var committed: HostResources
  package var environments: Int
}
