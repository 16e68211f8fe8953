internal import FunctionModel
internal import Signing
internal import Store

extension LambdaService {
  /// <https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html>
  func putEventInvokeConfig(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    try await changeEventInvokeConfig(call) { _, _ in EventInvokeConfig(lastModified: 0) }
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionEventInvokeConfig.html>
  func updateEventInvokeConfig(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    try await changeEventInvokeConfig(call) { (current, arn) throws(ServiceError) in
      guard let current else { throw .noEventInvokeConfig(arn) }
      return current
    }
  }

  /// - Parameter base: what the request's members are written over.
  private func changeEventInvokeConfig(
    _ call: OperationCall, base: @escaping @Sendable (EventInvokeConfig?, String) throws(ServiceError) -> EventInvokeConfig
  ) async throws(ServiceError) -> JSONValue? {
    let (reference, qualifier) = try eventInvokeReference(call)
    let arn = reference.id.arn(qualifier: reference.qualifier ?? "$LATEST")
    let destinations = call.body.member("DestinationConfig")
    let attempts = call.body.member("MaximumRetryAttempts")?.integer
    let age = call.body.member("MaximumEventAgeInSeconds")?.integer
    guard attempts != nil || age != nil || destinations != nil else {
      throw .invalidParameterValue("You must specify at least one of error handling or destination setting.")
    }
    let onSuccess = try destination(destinations, "OnSuccess", of: reference.id)
    let onFailure = try destination(destinations, "OnFailure", of: reference.id)
    let now = clock.milliseconds()
    do throws(CatalogError) {
      let config = try await catalog.updateSetting(EventInvokeConfig.self, of: reference.id, qualifier: qualifier) {
        (setting) throws(ServiceError) in
        var config = try base(setting, arn)
        if let attempts { config.maximumRetryAttempts = attempts }
        if let age { config.maximumEventAge = age }
        if let onSuccess { config.onSuccess = onSuccess.isEmpty ? nil : onSuccess }
        if let onFailure { config.onFailure = onFailure.isEmpty ? nil : onFailure }
        config.lastModified = now
        setting = config
      }
      return config?.json(arn: arn)
    } catch {
      throw Self.serviceError(error, reference.id)
    }
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionEventInvokeConfig.html>
  func getEventInvokeConfig(_ call: OperationCall) throws(ServiceError) -> JSONValue? {
    let (reference, qualifier) = try eventInvokeReference(call)
    let arn = reference.id.arn(qualifier: reference.qualifier ?? "$LATEST")
    guard let config = catalog.setting(EventInvokeConfig.self, of: reference.id, qualifier: qualifier) else {
      throw .noEventInvokeConfig(arn)
    }
    return config.json(arn: arn)
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctionEventInvokeConfigs.html>
  func listEventInvokeConfigs(_ call: OperationCall) throws(ServiceError) -> JSONValue? {
    let id = try existing(FunctionReference(id: try call.function().id)).id
    let configs = catalog.settings(EventInvokeConfig.self, of: id.owner).filter { $0.function == id }
    let page = try Page(configs, call.target, bound: 50, key: \.qualifier, follows: { $0.qualifier > $1 })
    var object = JSONObject()
    object.add(
      "FunctionEventInvokeConfigs",
      .array(page.items.map { $0.setting.json(arn: id.arn(qualifier: $0.qualifier.isEmpty ? "$LATEST" : $0.qualifier)) }))
    object.add("NextMarker", page.nextMarker.map { .string($0) })
    return .object(object)
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunctionEventInvokeConfig.html>
  func deleteEventInvokeConfig(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let (reference, qualifier) = try eventInvokeReference(call)
    let arn = reference.id.arn(qualifier: reference.qualifier ?? "$LATEST")
    try await catalogued(reference.id) { () async throws(CatalogError) in
      try await catalog.updateSetting(EventInvokeConfig.self, of: reference.id, qualifier: qualifier) { (setting) throws(ServiceError) in
        guard setting != nil else { throw .noEventInvokeConfig(arn) }
        setting = nil
      }
    }
    return nil
  }

  /// The function or qualifier, which must exist, and where its configuration stands: `$LATEST` is the function itself.
  private func eventInvokeReference(_ call: OperationCall) throws(ServiceError) -> (FunctionReference, qualifier: String) {
    let reference = try call.function()
    guard catalog.function(reference.id, qualifier: reference.qualifier) != nil else {
      throw .resourceNotFound("The function \(reference.id.arn(qualifier: reference.qualifier ?? "$LATEST")) doesn't exist.")
    }
    return (reference, reference.qualifier == "$LATEST" ? "" : reference.qualifier ?? "")
  }

  /// The ARN that a request gives for a destination; empty takes it away, `nil` leaves it.
  private func destination(_ config: JSONValue?, _ name: String, of id: FunctionID) throws(ServiceError) -> String? {
    guard let member = config?.member(name) else { return nil }
    let arn = member.member("Destination")?.string ?? ""
    guard !arn.isEmpty else { return "" }
    let fields = arn.split(separator: ":", omittingEmptySubsequences: false)
    guard fields.count >= 6, ["lambda", "sqs", "sns", "events", "s3"].contains(fields[2]) else {
      throw .invalidParameterValue("The destination ARN \(arn) is invalid.")
    }
    guard fields[2] == "lambda" else { return arn }
    guard let parts = FunctionNameParts(arn), parts.name != id.name || parts.account != id.owner.account else {
      throw .invalidParameterValue("You can't specify the function as a destination for itself.")
    }
    let target = try FunctionReference(arn, caller: id.owner)
    guard catalog.function(target.id, qualifier: target.qualifier) != nil else {
      throw .invalidParameterValue("The destination ARN \(arn) is invalid.")
    }
    return arn
  }
}

extension ServiceError {
  fileprivate static func noEventInvokeConfig(_ arn: String) -> ServiceError {
    .resourceNotFound("The function \(arn) doesn't have an EventInvokeConfig")
  }
}

extension EventInvokeConfig {
  /// `FunctionEventInvokeConfig` of AWS's model, whose time is in seconds.
  fileprivate func json(arn: String) -> JSONValue {
    var object = JSONObject()
    object.add("LastModified", .number("\(Double(lastModified) / 1_000)"))
    object.add("FunctionArn", .string(arn))
    object.add("MaximumRetryAttempts", maximumRetryAttempts.map { .integer($0) })
    object.add("MaximumEventAgeInSeconds", maximumEventAge.map { .integer($0) })
    object.add("DestinationConfig", ["OnSuccess": Self.destination(onSuccess), "OnFailure": Self.destination(onFailure)])
    return .object(object)
  }

  private static func destination(_ arn: String?) -> JSONValue {
    var object = JSONObject()
    object.add("Destination", arn.map { .string($0) })
    return .object(object)
  }
}
