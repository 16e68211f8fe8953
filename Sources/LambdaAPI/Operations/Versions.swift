internal import FunctionModel
internal import Store

extension LambdaService {
  /// <https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html>
  func publishVersion(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let reference = try call.function()
    _ = try changeable(reference)
    let digest = call.body.member("CodeSha256")?.string ?? ""
    let published = try await publish(
      reference.id, description: call.body.member("Description")?.string, expectedRevision: call.body.member("RevisionId")?.string
    ) { (latest) throws(ServiceError) in
      guard digest.isEmpty || digest == latest.code.digest.base64 else {
        throw .invalidParameterValue(
          "CodeSHA256 (\(digest)) is different from current CodeSHA256 in $LATEST (\(latest.code.digest.base64)). "
            + "Please try again with the CodeSHA256 in $LATEST.")
      }
    }
    return json(published, qualifier: published.version)
  }

  /// Makes a version of `$LATEST`; the last one if nothing has changed since.
  func publish(
    _ id: FunctionID, description: String? = nil, expectedRevision: String? = nil,
    _ accept: @escaping @Sendable (FunctionConfiguration) throws(ServiceError) -> Void = { _ in }
  ) async throws(ServiceError) -> FunctionConfiguration {
    do throws(CatalogError) {
      return try await catalog.publish(id, description: description, expectedRevision: expectedRevision) { (latest) throws(ServiceError) in
        if case .failed = latest.state { throw .notInvocable("Failed") }
        try accept(latest)
      }
    } catch {
      throw Self.serviceError(error, id)
    }
  }

  /// DeleteFunction of one version.
  func deleteVersion(_ id: FunctionID, _ qualifier: String) async throws(ServiceError) -> JSONValue? {
    guard let number = Int(qualifier) else { throw .invalidParameterValue("Deletion of aliases is not currently supported.") }
    try await catalogued(id) { () async throws(CatalogError) in
      try await catalog.deleteVersion(id, number) { alias in
        .resourceConflict("Version \(number) is in use by alias \(id.arn(qualifier: alias.name)) and cannot be deleted.")
      }
    }
    invoker.functionChanged(id)
    return nil
  }
}
