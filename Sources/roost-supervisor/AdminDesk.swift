import AdminAPI
import FunctionModel
import Scheduling
import Store

/// What the admin paths ask for, from the dispatcher, the catalog and the journal (which writes what it was given before it reads).
struct AdminDesk: AdminBackend {
  var dispatcher: Dispatcher
  var catalog: Catalog
  var journal: Journal
  var facts: HostFacts

  func environments() async -> [EnvironmentStatus] { await dispatcher.environments() }

  func stop(environment id: String) async -> Bool { await dispatcher.stop(environment: id) }

  func environmentRecord(id: String) async throws -> EnvironmentRecord? { try await journal.environment(id: id) }

  func environmentRecords(limit: Int) async throws -> [EnvironmentRecord] {
    try await journal.environments(function: nil, limit: limit)
  }

  func invocations(environment id: String, limit: Int) async throws -> [InvocationRecord] {
    try await journal.invocations(environment: id, limit: limit)
  }

  func invocations(function: FunctionID?, limit: Int, before: Int64?) async throws -> [InvocationRecord] {
    try await journal.invocations(function: function, limit: limit, before: before)
  }

  func invocation(requestID: String) async throws -> InvocationRecord? { try await journal.invocation(requestID: requestID) }

  func logs(function: FunctionID, after cursor: Int64?, limit: Int) async throws -> LogPage {
    try await journal.logs(function: function, after: cursor, limit: limit)
  }

  func hasFunction(_ id: FunctionID) async -> Bool { catalog.function(id) != nil }

  func hostFacts() async -> HostFacts {
    var facts = facts
    let admission = dispatcher.admissionFacts()
    facts.capacity = HostCapacity(
      concurrencyLimit: admission.concurrencyLimit, concurrencyInUse: admission.concurrency,
      memoryBudget: admission.budget.memory, memoryCommitted: admission.committed.memory,
      diskBudget: admission.budget.disk, diskCommitted: admission.committed.disk)
    return facts
  }
}
