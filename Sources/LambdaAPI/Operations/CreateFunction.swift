internal import FunctionModel
internal import Store

extension LambdaService {
  /// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>
  func createFunction(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let id = try Self.newFunctionID(call)
    let settings = try await FunctionSettings(call.body, service: self, caller: call.caller.owner)
    let architectures = try checkArchitectures(call.body) ?? [configuration.architecture]
    let tags = try Tags.checked(call.body.member("Tags"))
    guard let runtime = settings.runtime, let handler = settings.handler else {
      throw .invalidParameterValue("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
    }
    // Before the archive is unpacked; the catalog has the last word.
    guard catalog.function(id) == nil else { throw .exists(id) }
    let code = try await upload(call.body.member("Code") ?? .object(JSONObject()), kind: .code)
    try Self.checkTotalSize(code: code, layers: settings.layers ?? [])

    var identifiers = IdentifierSource()
    var function = FunctionConfiguration(
      id: id, runtime: runtime, handler: handler, role: settings.role ?? "", tags: tags, architectures: architectures, code: code,
      state: .pending, revisionID: identifiers.uuid(), lastModified: clock.milliseconds())
    try settings.apply(to: &function)
    try await catalogued(id) { [function] () async throws(CatalogError) in try await catalog.insert(function) }
    try await complete(id)
    guard call.body.member("Publish")?.bool == true else { return json(function, .created) }
    // The answer has the version's number, yet the function's own ARN and state.
    var published = try await publish(id)
    published.state = function.state
    return json(published, .created)
  }

  private static func newFunctionID(_ call: OperationCall) throws(ServiceError) -> FunctionID {
    let text = call.body.member("FunctionName")?.string ?? ""
    let reference = try FunctionReference(text, caller: call.caller.owner)
    guard reference.id.name.utf8.count <= 64 else {
      var report = ConstraintReport()
      report.check(reference.id.name, at: "functionName", [.length(1...64)])
      throw .invalidParameterValue(report.message ?? "functionName")
    }
    guard reference.qualifier == nil, reference.id.name.utf8.allSatisfy(NameCharacters.isName) else {
      var report = ConstraintReport()
      report.add(.string(text), at: "functionName", .pattern(FunctionReference.newNamePattern, { _ in false }))
      throw .validation(report.message ?? "functionName")
    }
    return reference.id
  }

  /// Ends the transition that the answer still shows, before the answer is sent: a client's first poll finds it done.
  ///
  /// Nothing is left to do by then, as archives are unpacked before a change is accepted. After a crash in between, the next start does it.
  func complete(_ id: FunctionID) async throws(ServiceError) {
    do throws(CatalogError) {
      _ = try await catalog.update(id, expectedRevision: nil) { function in
        if function.state == .pending { function.state = .active }
        function.lastUpdate = .successful
      }
    } catch .missing {
      return  // Deleted meanwhile: that is what the caller of DeleteFunction wanted.
    } catch {
      throw Self.serviceError(error, id)
    }
  }
}

extension ServiceError {
  static func exists(_ id: FunctionID) -> ServiceError { .resourceConflict("Function already exist: \(id.name)") }
}
