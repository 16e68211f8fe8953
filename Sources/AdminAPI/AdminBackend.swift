// AdminAPI: the administrator's side of the daemon, HTTP/1.1 over <state-dir>/run/admin.sock. Its JSON is FunctionModel's Codable
// values; whoever may connect is known by the kernel (SO_PEERCRED), so nothing is signed. AWS's own paths are mounted beside it.

package import FunctionModel

/// What the admin paths ask of the running daemon; the supervisor fulfils it with its dispatcher, catalog and journal.
///
/// Thrown errors are answered as 500 with their description, which is therefore written for people.
package protocol AdminBackend: Sendable {
  /// The live execution environments, in any order.
  func environments() async -> [EnvironmentStatus]
  /// Ends an environment. `false` when there is none of this id (any more).
  func stop(environment id: String) async -> Bool
  /// What the journal keeps of one environment, by its whole id.
  func environmentRecord(id: String) async throws -> EnvironmentRecord?
  /// What the journal keeps of the latest environments, newest first.
  func environmentRecords(limit: Int) async throws -> [EnvironmentRecord]
  /// What an environment served last, newest first.
  func invocations(environment id: String, limit: Int) async throws -> [InvocationRecord]
  /// Invocations of one function or of all, newest first; `before` is an `accepted` in milliseconds since 1970.
  func invocations(function: FunctionID?, limit: Int, before: Int64?) async throws -> [InvocationRecord]
  /// One invocation by its whole request id.
  func invocation(requestID: String) async throws -> InvocationRecord?
  /// Log lines after `cursor`, or the last `limit` when it is `nil`.
  func logs(function: FunctionID, after cursor: Int64?, limit: Int) async throws -> LogPage
  /// Whether the catalog has this function now.
  func hasFunction(_ id: FunctionID) async -> Bool
  func hostFacts() async -> HostFacts
}
