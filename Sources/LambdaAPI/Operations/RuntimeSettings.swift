internal import FunctionModel
internal import Signing
internal import Store

extension LambdaService {
  /// <https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionRecursionConfig.html>
  func putRecursion(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let id = try changeable(try call.function()).id
    let isAllowed = call.body.member("RecursiveLoop")?.string == "Allow"
    try await catalogued(id) { () async throws(CatalogError) in
      try await catalog.updateSetting(RecursiveLoop.self, of: id) { $0 = isAllowed ? RecursiveLoop(isAllowed: true) : nil }
    }
    return try getRecursion(call)
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionRecursionConfig.html>
  func getRecursion(_ call: OperationCall) throws(ServiceError) -> JSONValue? {
    let id = try changeable(try call.function()).id
    return ["RecursiveLoop": catalog.setting(RecursiveLoop.self, of: id)?.isAllowed == true ? "Allow" : "Terminate"]
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_PutRuntimeManagementConfig.html>
  func putRuntimeManagement(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let reference = try call.function()
    _ = try existing(reference)
    let setting = RuntimeManagement(
      updateRuntimeOn: call.body.member("UpdateRuntimeOn")?.string ?? "", runtimeVersionARN: call.body.member("RuntimeVersionArn")?.string)
    guard setting.updateRuntimeOn != "Manual" || setting.runtimeVersionARN != nil else {
      throw .invalidParameterValue("RuntimeVersionArn must be provided when UpdateRuntimeOn is Manual.")
    }
    guard setting.updateRuntimeOn == "Manual" || setting.runtimeVersionARN == nil else {
      throw .invalidParameterValue("RuntimeVersionArn can only be provided when UpdateRuntimeOn is Manual.")
    }
    try await catalogued(reference.id) { () async throws(CatalogError) in
      try await catalog.updateSetting(RuntimeManagement.self, of: reference.id, qualifier: Self.versionKey(reference)) { $0 = setting }
    }
    return try getRuntimeManagement(call)
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_GetRuntimeManagementConfig.html>
  func getRuntimeManagement(_ call: OperationCall) throws(ServiceError) -> JSONValue? {
    let reference = try call.function()
    let function = try existing(reference)
    let setting = catalog.setting(RuntimeManagement.self, of: reference.id, qualifier: Self.versionKey(reference))
    var object = JSONObject()
    object.add("UpdateRuntimeOn", .string(setting?.updateRuntimeOn ?? "Auto"))
    object.add("FunctionArn", .string(reference.id.arn(qualifier: function.version)))
    object.add("RuntimeVersionArn", setting?.runtimeVersionARN.map { .string($0) })
    return .object(object)
  }

  /// `$LATEST` by either of its names.
  private static func versionKey(_ reference: FunctionReference) -> String {
    reference.qualifier == "$LATEST" ? "" : reference.qualifier ?? ""
  }
}
