import AdminAPI
import FunctionModel
import Scheduling
import Store

/// What the admin paths ask for, from the dispatcher, the catalog and the journal.
struct AdminDesk: AdminBackend {
  var dispatcher: Dispatcher
  var catalog: Catalog
  var journal: Journal
  var facts: HostFacts

  func environments() async -> [EnvironmentStatus] { await dispatcher.environments() }

  func stop(environment id: String) async -> Bool { await dispatcher.stop(environment: id) }

  func environmentRecord(id: String) async throws -> EnvironmentRecord? { try await written().environment(id: id) }

  func environmentRecords(limit: Int) async throws -> [EnvironmentRecord] {
    try await written().environments(function: nil, limit: limit)
  }

  func invocations(environment id: String, limit: Int) async throws -> [InvocationRecord] {
    try await written().invocations(environment: id, limit: limit)
  }

  func invocations(function: FunctionID?, limit: Int, before: Int64?) async throws -> [InvocationRecord] {
    try await written().invocations(function: function, limit: limit, before: before)
  }

  func invocation(requestID: String) async throws -> InvocationRecord? { try await written().invocation(requestID: requestID) }

  func logs(function: FunctionID, after cursor: Int64?, limit: Int) async throws -> LogPage {
    try await written().logs(function: function, after: cursor, limit: limit)
  }

  func hasFunction(_ id: FunctionID) async -> Bool { catalog.function(id) != nil }

  func hostFacts() async -> HostFacts {
    var facts = facts
    let admission = dispatcher.admissionFacts()
    facts.capacity = HostCapacity(
      concurrencyLimit: admission.concurrencyLimit, concurrencyInUse: admission.concurrency,
      memoryBudget: admission.memoryBudget, memoryCommitted: admission.memoryCommitted)
    return facts
  }

  /// The journal once it has written what it was given before: who asks sees what has just happened.
  private func written() async -> Journal {
    await journal.flush()
    return journal
  }
}
