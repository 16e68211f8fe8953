import FunctionModel
import NIOHTTP1

// The daemon's own paths, /admin/…, whose JSON is FunctionModel's Codable values.
extension AdminClient {
  func environments() async throws(CommandFailure) -> [EnvironmentStatus] {
    try await value(AdminRequest(.GET, "/admin/environments"))
  }

  /// `id` may be the beginning of one; the daemon answers 404 for none and 409 for several.
  func inspection(environment id: String) async throws(CommandFailure) -> EnvironmentInspection {
    try await value(AdminRequest(.GET, "/admin/environments/\(id.percentEncoded)"))
  }

  func stop(environment id: String) async throws(CommandFailure) {
    try await success(AdminRequest(.DELETE, "/admin/environments/\(id.percentEncoded)"))
  }

  func invocations(function: String?, limit: Int) async throws(CommandFailure) -> [InvocationRecord] {
    let filter = function.map { "&function=\($0.percentEncoded)" } ?? ""
    return try await value(AdminRequest(.GET, "/admin/invocations?limit=\(limit)\(filter)"))
  }

  func invocation(requestID id: String) async throws(CommandFailure) -> InvocationRecord {
    try await value(AdminRequest(.GET, "/admin/invocations/\(id.percentEncoded)"))
  }

  func logs(function: String, after cursor: Int64?, limit: Int) async throws(CommandFailure) -> LogPage {
    let start = cursor.map { "&after=\($0)" } ?? ""
    return try await value(AdminRequest(.GET, "/admin/logs?function=\(function.percentEncoded)&limit=\(limit)\(start)"))
  }

  func host() async throws(CommandFailure) -> HostFacts {
    try await value(AdminRequest(.GET, "/admin/host"))
  }
}
