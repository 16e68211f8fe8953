import FunctionModel
import Hummingbird

/// The paths under `/admin`.
struct AdminRoutes: Sendable {
  /// Whose functions a bare name means.
  var owner: Owner
  var backend: any AdminBackend

  /// How many invocations `inspect` shows.
  static let inspectedInvocations = 20

  func add(to router: Router<AdminRequestContext>) {
    let admin = router.group("/admin")
    admin.get("/environments") { _, _ in try Response.json(await backend.environments()) }
    admin.get("/environments/:id") { _, context in try Response.json(try await inspection(of: try context.parameters.require("id"))) }
    admin.delete("/environments/:id") { _, context in try await stop(try context.parameters.require("id")) }
    admin.get("/invocations") { request, _ in try Response.json(try await invocations(request)) }
    admin.get("/invocations/:id") { _, context in
      try Response.json(try await IdentifierLookup(backend: backend).invocation(try context.parameters.require("id")))
    }
    admin.get("/logs") { request, _ in try Response.json(try await logs(request)) }
    admin.get("/host") { _, _ in try Response.json(await backend.hostFacts()) }
  }

  private func inspection(of prefix: String) async throws -> EnvironmentInspection {
    let id = try await IdentifierLookup(backend: backend).environment(prefix)
    let status = await backend.environments().first { $0.id == id }
    let record = try await backend.environmentRecord(id: id)
    guard status != nil || record != nil else { throw AdminFault(status: .notFound, message: "no environment \(prefix)") }
    return EnvironmentInspection(
      status: status, record: record, invocations: try await backend.invocations(environment: id, limit: Self.inspectedInvocations))
  }

  private func stop(_ prefix: String) async throws -> Response {
    let id = try await IdentifierLookup(backend: backend).liveEnvironment(prefix)
    guard await backend.stop(environment: id) else { throw AdminFault(status: .notFound, message: "no live environment \(prefix)") }
    return Response(status: .noContent)
  }

  private func invocations(_ request: Request) async throws -> [InvocationRecord] {
    let query = AdminQuery(request.uri.queryParameters)
    let function = try query.function(of: owner)
    let limit = try query.limit(default: 20, atMost: 1_000)
    let records = try await backend.invocations(function: function, limit: limit, before: try query.integer("before"))
    if let function, records.isEmpty { try await requireKnown(function) }
    return records
  }

  private func logs(_ request: Request) async throws -> LogPage {
    let query = AdminQuery(request.uri.queryParameters)
    guard let function = try query.function(of: owner) else { throw AdminFault(status: .badRequest, message: "function= is missing") }
    let page = try await backend.logs(
      function: function, after: try query.integer("after"), limit: try query.limit(default: 100, atMost: 10_000))
    if page.records.isEmpty { try await requireKnown(function) }
    return page
  }

  /// A deleted function's records are still shown; one that never was is likelier a typing error than an empty answer.
  private func requireKnown(_ function: FunctionID) async throws {
    guard await backend.hasFunction(function) else { throw AdminFault(status: .notFound, message: "Function not found: \(function.arn)") }
  }
}
