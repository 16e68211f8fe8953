internal import FunctionModel
internal import Signing
internal import Store

extension LambdaService {
  /// <https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html>
  func addPermission(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let reference = try call.function()
    guard reference.qualifier != "$LATEST" else {
      throw .invalidParameterValue("We currently do not support adding policies for $LATEST.")
    }
    _ = try existing(reference)
    let statement = try ResourcePolicy.Statement(call.body)
    try await changePolicy(reference, expectedRevision: call.body.member("RevisionId")?.string) { (policy) throws(ServiceError) in
      var changed = policy ?? ResourcePolicy()
      guard !changed.statements.contains(where: { $0.sid == statement.sid }) else {
        throw .resourceConflict(
          "The statement id (\(statement.sid)) provided already exists. Please provide a new statement id, or remove the existing statement."
        )
      }
      changed.statements.append(statement)
      let size = changed.json(resource: reference.arn).text.utf8.count
      guard size <= ResourcePolicy.limit else { throw .policyLengthExceeded(size) }
      policy = changed
    }
    return ["Statement": .string(statement.json(resource: reference.arn).text)]
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_GetPolicy.html>
  func getPolicy(_ call: OperationCall) throws(ServiceError) -> JSONValue? {
    let reference = try call.function()
    let function = try existing(reference)
    guard let policy = catalog.setting(ResourcePolicy.self, of: reference.id, qualifier: reference.qualifier ?? "") else {
      throw .resourceNotFound("The resource you requested does not exist.")
    }
    let alias = reference.qualifier.flatMap { catalog.alias(reference.id, $0) }
    return [
      "Policy": .string(policy.json(resource: reference.arn).text), "RevisionId": .string(alias?.revisionID ?? function.revisionID),
    ]
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_RemovePermission.html>
  func removePermission(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let reference = try call.function()
    _ = try existing(reference)
    let sid = call.parameters["StatementId"] ?? ""
    try await changePolicy(reference, expectedRevision: call.target.value("RevisionId")) { (policy) throws(ServiceError) in
      guard var changed = policy else { throw .resourceNotFound("No policy is associated with the given resource.") }
      guard let index = changed.statements.firstIndex(where: { $0.sid == sid }) else {
        throw .resourceNotFound("Statement \(sid) is not found in resource policy.")
      }
      changed.statements.remove(at: index)
      policy = changed.statements.isEmpty ? nil : changed
    }
    return nil
  }

  private func changePolicy(
    _ reference: FunctionReference, expectedRevision: String?,
    _ change: @escaping @Sendable (inout ResourcePolicy?) throws(ServiceError) -> Void
  ) async throws(ServiceError) {
    do throws(CatalogError) {
      try await catalog.updateSetting(
        ResourcePolicy.self, of: reference.id, qualifier: reference.qualifier ?? "", revision: .changes(expected: expectedRevision), change)
    } catch .revisionMismatch {
      throw ServiceError(
        "PreconditionFailedException", status: 412,
        message: "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest Revision Id"
      )
    } catch {
      throw Self.serviceError(error, reference.id)
    }
  }
}

extension ServiceError {
  fileprivate static func policyLengthExceeded(_ size: Int) -> ServiceError {
    ServiceError(
      "PolicyLengthExceededException", status: 400,
      message: "The final policy size (\(size)) is bigger than the limit (\(ResourcePolicy.limit)).")
  }
}

extension ResourcePolicy {
  /// Bytes of a policy's JSON.
  static let limit = 20_480

  func json(resource: String) -> JSONValue {
    ["Version": "2012-10-17", "Id": "default", "Statement": .array(statements.map { $0.json(resource: resource) })]
  }
}

extension ResourcePolicy.Statement {
  /// The statement that an AddPermission body asks for.
  fileprivate init(_ body: JSONValue) throws(ServiceError) {
    self.init(
      sid: body.member("StatementId")?.string ?? "", action: body.member("Action")?.string ?? "",
      principal: try ResourcePolicy.Principal(body.member("Principal")?.string ?? ""), sourceARN: body.member("SourceArn")?.string,
      sourceAccount: body.member("SourceAccount")?.string, eventSourceToken: body.member("EventSourceToken")?.string,
      organization: body.member("PrincipalOrgID")?.string, urlAuthType: body.member("FunctionUrlAuthType")?.string,
      invokedViaURL: body.member("InvokedViaFunctionUrl")?.bool)
  }

  /// In IAM's policy language; AWS's own spelling of the conditions' keys.
  func json(resource: String) -> JSONValue {
    var object = JSONObject()
    object.add("Sid", .string(sid))
    object.add("Effect", "Allow")
    object.add("Principal", principal.json)
    object.add("Action", .string(action))
    object.add("Resource", .string(resource))
    let conditions = conditions
    if !conditions.isEmpty { object.add("Condition", .object(conditions)) }
    return .object(object)
  }

  private var conditions: JSONObject {
    var equals = JSONObject()
    equals.add("AWS:SourceAccount", sourceAccount.map { .string($0) })
    equals.add("lambda:EventSourceToken", eventSourceToken.map { .string($0) })
    equals.add("aws:PrincipalOrgID", organization.map { .string($0) })
    equals.add("lambda:FunctionUrlAuthType", urlAuthType.map { .string($0) })
    var conditions = JSONObject()
    if !equals.isEmpty { conditions.add("StringEquals", .object(equals)) }
    conditions.add("ArnLike", sourceARN.map { ["AWS:SourceArn": .string($0)] })
    conditions.add("Bool", invokedViaURL.map { ["lambda:InvokedViaFunctionUrl": .string($0 ? "true" : "false")] })
    return conditions
  }
}

extension ResourcePolicy.Principal {
  /// As AddPermission takes it: `*`, a service, an account or an ARN.
  fileprivate init(_ text: String) throws(ServiceError) {
    if text == "*" {
      self = .everyone
    } else if NameCharacters.isAccount(text[...]) {
      self = .identity("arn:aws:iam::\(text):root")
    } else if text.hasPrefix("arn:") {
      self = .identity(text)
    } else if text.contains(".") {
      self = .service(text)
    } else {
      throw .invalidParameterValue("The provided principal was invalid. Please check the principal and try again.")
    }
  }

  fileprivate var json: JSONValue {
    switch self {
    case .everyone: "*"
    case .service(let name): ["Service": .string(name)]
    case .identity(let arn): ["AWS": .string(arn)]
    }
  }
}
