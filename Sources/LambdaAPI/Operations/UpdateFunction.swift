internal import FunctionModel
internal import Store

extension LambdaService {
  /// <https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html>
  func updateFunctionCode(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let reference = try call.function()
    let function = try changeable(reference)
    try UnsupportedSettings.refuse(in: call.body)
    let architectures = try checkArchitectures(call.body)
    let revision = call.body.member("RevisionId")?.string
    try Self.checkUpdatable(function, expectedRevision: revision)
    let code = try await upload(call.body, kind: .code)
    try Self.checkTotalSize(code: code, layers: function.layers)
    if call.body.member("DryRun")?.bool == true {
      var proposed = function
      proposed.code = code
      return json(proposed)
    }
    let updated = try await update(reference.id, expectedRevision: revision) { (function) throws(ServiceError) in
      function.code = code
      if let architectures { function.architectures = architectures }
      // Layers may have changed since they were read above.
      try Self.checkTotalSize(code: code, layers: function.layers)
    }
    guard call.body.member("Publish")?.bool == true else { return updated }
    let published = try await publish(reference.id)
    return json(published, qualifier: published.version)
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html>
  func updateFunctionConfiguration(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let reference = try call.function()
    let revision = call.body.member("RevisionId")?.string
    try Self.checkUpdatable(try changeable(reference), expectedRevision: revision)
    let settings = try await FunctionSettings(call.body, service: self, caller: call.caller.owner)
    return try await update(reference.id, expectedRevision: revision) { (function) throws(ServiceError) in
      try settings.apply(to: &function)
      try Self.checkTotalSize(code: function.code, layers: function.layers)
    }
  }

  /// Changes code or configuration: answered as in progress, done by the time the answer is sent.
  private func update(
    _ id: FunctionID, expectedRevision: String?, _ change: @escaping @Sendable (inout FunctionConfiguration) throws(ServiceError) -> Void
  ) async throws(ServiceError) -> JSONValue {
    let updated: FunctionConfiguration
    do throws(CatalogError) {
      updated = try await catalog.update(id, expectedRevision: expectedRevision) { (function) throws(ServiceError) in
        try Self.checkUpdatable(function, expectedRevision: nil)
        try change(&function)
        function.lastUpdate = .inProgress
        // A function whose creation failed gets another chance with every update.
        if case .failed = function.state { function.state = .pending }
      }
    } catch {
      throw Self.serviceError(error, id)
    }
    invoker.functionChanged(id)
    try await complete(id)
    return json(updated)
  }

  private static func checkUpdatable(_ function: FunctionConfiguration, expectedRevision: String?) throws(ServiceError) {
    if let expectedRevision, expectedRevision != function.revisionID { throw .preconditionFailed }
    if function.state == .pending { throw .notInvocable("Pending") }
    if function.lastUpdate == .inProgress {
      throw .resourceConflict(
        "The operation cannot be performed at this time. An update is in progress for resource: \(function.id.arn)")
    }
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html>
  func deleteFunction(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let reference = try call.function()
    if let qualifier = reference.qualifier {
      if qualifier == "$LATEST" {
        throw .invalidParameterValue("$LATEST version cannot be deleted without deleting the function.")
      }
      return try await deleteVersion(reference.id, qualifier)
    }
    try await catalogued(reference.id) { () async throws(CatalogError) in try await catalog.delete(reference.id) }
    invoker.functionChanged(reference.id)
    return nil
  }
}
