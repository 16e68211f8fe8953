internal import Signing
internal import FunctionModel
internal import HTTPTypes

extension Operation {
  /// The operation that a request means, with the parameters of its path.
  static func find(_ method: HTTPRequest.Method, _ target: RequestTarget) -> (Operation, [String: String])? {
    let segments = target.path.split(separator: "/")
    // Those told apart by a query item stand before the plain ones.
    for operation in table where operation.method == method {
      if let parameters = operation.match(segments, target) { return (operation, parameters) }
    }
    return nil
  }

  /// The dated prefixes under which the operations stand, as `2015-03-31`.
  static var prefixes: Set<String> {
    Set(
      table.compactMap {
        if case .literal(let text)? = $0.path.first { return text }
        return nil
      })
  }

  /// Everything this release does, but Invoke, which has a path of its own through the server.
  ///
  /// Success codes are those on the wire, which for DeleteFunction is not the model's.
  static let table: [Operation] = functions + versions + layers + tags + eventInvokeConfigs + urls + settings

  private static let functions = [
    Operation("CreateFunction", .post, "/2015-03-31/functions", success: 201, schema: .createFunction) {
      (service, call) async throws(ServiceError) in try await service.createFunction(call)
    },
    Operation("ListFunctions", .get, "/2015-03-31/functions") { (service, call) async throws(ServiceError) in
      try service.listFunctions(call)
    },
    Operation("GetFunction", .get, "/2015-03-31/functions/{FunctionName}") { (service, call) async throws(ServiceError) in
      try service.getFunction(call)
    },
    Operation("GetFunctionConfiguration", .get, "/2015-03-31/functions/{FunctionName}/configuration") {
      (service, call) async throws(ServiceError) in try service.getFunctionConfiguration(call)
    },
    Operation("UpdateFunctionCode", .put, "/2015-03-31/functions/{FunctionName}/code", schema: .updateFunctionCode) {
      (service, call) async throws(ServiceError) in try await service.updateFunctionCode(call)
    },
    Operation(
      "UpdateFunctionConfiguration", .put, "/2015-03-31/functions/{FunctionName}/configuration", schema: .updateFunctionConfiguration
    ) { (service, call) async throws(ServiceError) in try await service.updateFunctionConfiguration(call) },
    Operation("DeleteFunction", .delete, "/2015-03-31/functions/{FunctionName}", success: 204) {
      (service, call) async throws(ServiceError) in try await service.deleteFunction(call)
    },
    Operation("ListVersionsByFunction", .get, "/2015-03-31/functions/{FunctionName}/versions") {
      (service, call) async throws(ServiceError) in try service.listVersions(call)
    },
  ]

  private static let versions = [
    Operation("PublishVersion", .post, "/2015-03-31/functions/{FunctionName}/versions", success: 201, schema: .publishVersion) {
      (service, call) async throws(ServiceError) in try await service.publishVersion(call)
    },
    Operation("CreateAlias", .post, "/2015-03-31/functions/{FunctionName}/aliases", success: 201, schema: .createAlias) {
      (service, call) async throws(ServiceError) in try await service.createAlias(call)
    },
    Operation("ListAliases", .get, "/2015-03-31/functions/{FunctionName}/aliases") { (service, call) async throws(ServiceError) in
      try service.listAliases(call)
    },
    Operation("GetAlias", .get, "/2015-03-31/functions/{FunctionName}/aliases/{Name}") { (service, call) async throws(ServiceError) in
      try service.getAlias(call)
    },
    Operation("UpdateAlias", .put, "/2015-03-31/functions/{FunctionName}/aliases/{Name}", schema: .updateAlias) {
      (service, call) async throws(ServiceError) in try await service.updateAlias(call)
    },
    Operation("DeleteAlias", .delete, "/2015-03-31/functions/{FunctionName}/aliases/{Name}", success: 204) {
      (service, call) async throws(ServiceError) in try await service.deleteAlias(call)
    },
  ]

  private static let layers = [
    Operation(
      "PublishLayerVersion", .post, "/2018-10-31/layers/{LayerName}/versions", success: 201, schema: .publishLayerVersion
    ) { (service, call) async throws(ServiceError) in try await service.publishLayerVersion(call) },
    Operation("GetLayerVersionByArn", .get, "/2018-10-31/layers?find=LayerVersion") { (service, call) async throws(ServiceError) in
      try await service.getLayerVersionByArn(call)
    },
    Operation("ListLayers", .get, "/2018-10-31/layers") { (service, call) async throws(ServiceError) in
      try await service.listLayers(call)
    },
    Operation("ListLayerVersions", .get, "/2018-10-31/layers/{LayerName}/versions") { (service, call) async throws(ServiceError) in
      try await service.listLayerVersions(call)
    },
    Operation("GetLayerVersion", .get, "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}") {
      (service, call) async throws(ServiceError) in try await service.getLayerVersion(call)
    },
    Operation("DeleteLayerVersion", .delete, "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}", success: 204) {
      (service, call) async throws(ServiceError) in try await service.deleteLayerVersion(call)
    },
  ]

  private static let tags = [
    Operation("ListTags", .get, "/2017-03-31/tags/{Resource}") { (service, call) async throws(ServiceError) in
      try service.listTags(call)
    },
    Operation("TagResource", .post, "/2017-03-31/tags/{Resource}", success: 204, schema: .tagResource) {
      (service, call) async throws(ServiceError) in try await service.tagResource(call)
    },
    Operation("UntagResource", .delete, "/2017-03-31/tags/{Resource}", success: 204) { (service, call) async throws(ServiceError) in
      try await service.untagResource(call)
    },
  ]

  private static let urls = [
    Operation("CreateFunctionUrlConfig", .post, "/2021-10-31/functions/{FunctionName}/url", success: 201, schema: .createFunctionURL) {
      (service, call) async throws(ServiceError) in try await service.createFunctionURL(call)
    },
    Operation("GetFunctionUrlConfig", .get, "/2021-10-31/functions/{FunctionName}/url") { (service, call) async throws(ServiceError) in
      try service.getFunctionURL(call)
    },
    Operation("UpdateFunctionUrlConfig", .put, "/2021-10-31/functions/{FunctionName}/url", schema: .updateFunctionURL) {
      (service, call) async throws(ServiceError) in try await service.updateFunctionURL(call)
    },
    Operation("DeleteFunctionUrlConfig", .delete, "/2021-10-31/functions/{FunctionName}/url", success: 204) {
      (service, call) async throws(ServiceError) in try await service.deleteFunctionURL(call)
    },
    Operation("ListFunctionUrlConfigs", .get, "/2021-10-31/functions/{FunctionName}/urls") { (service, call) async throws(ServiceError) in
      try service.listFunctionURLs(call)
    },
  ]

  private static let eventInvokeConfigs = [
    Operation(
      "PutFunctionEventInvokeConfig", .put, "/2019-09-25/functions/{FunctionName}/event-invoke-config", schema: .eventInvokeConfig
    ) { (service, call) async throws(ServiceError) in try await service.putEventInvokeConfig(call) },
    Operation(
      "UpdateFunctionEventInvokeConfig", .post, "/2019-09-25/functions/{FunctionName}/event-invoke-config", schema: .eventInvokeConfig
    ) { (service, call) async throws(ServiceError) in try await service.updateEventInvokeConfig(call) },
    Operation("GetFunctionEventInvokeConfig", .get, "/2019-09-25/functions/{FunctionName}/event-invoke-config") {
      (service, call) async throws(ServiceError) in try service.getEventInvokeConfig(call)
    },
    Operation("ListFunctionEventInvokeConfigs", .get, "/2019-09-25/functions/{FunctionName}/event-invoke-config/list") {
      (service, call) async throws(ServiceError) in try service.listEventInvokeConfigs(call)
    },
    Operation(
      "DeleteFunctionEventInvokeConfig", .delete, "/2019-09-25/functions/{FunctionName}/event-invoke-config", success: 204
    ) { (service, call) async throws(ServiceError) in try await service.deleteEventInvokeConfig(call) },
  ]

  /// What stands beside a function's versions, and the truth about the account.
  private static let settings = [
    Operation("GetFunctionConcurrency", .get, "/2019-09-30/functions/{FunctionName}/concurrency") {
      (service, call) async throws(ServiceError) in try service.getFunctionConcurrency(call)
    },
    Operation("PutFunctionConcurrency", .put, "/2017-10-31/functions/{FunctionName}/concurrency", schema: .putFunctionConcurrency) {
      (service, call) async throws(ServiceError) in try await service.putFunctionConcurrency(call)
    },
    Operation("DeleteFunctionConcurrency", .delete, "/2017-10-31/functions/{FunctionName}/concurrency", success: 204) {
      (service, call) async throws(ServiceError) in try await service.deleteFunctionConcurrency(call)
    },
    Operation("GetFunctionCodeSigningConfig", .get, "/2020-06-30/functions/{FunctionName}/code-signing-config") {
      (service, call) async throws(ServiceError) in try service.getFunctionCodeSigningConfig(call)
    },
    Operation("AddPermission", .post, "/2015-03-31/functions/{FunctionName}/policy", success: 201, schema: .addPermission) {
      (service, call) async throws(ServiceError) in try await service.addPermission(call)
    },
    Operation("RemovePermission", .delete, "/2015-03-31/functions/{FunctionName}/policy/{StatementId}", success: 204) {
      (service, call) async throws(ServiceError) in try await service.removePermission(call)
    },
    Operation("PutFunctionRecursionConfig", .put, "/2024-08-31/functions/{FunctionName}/recursion-config", schema: .putRecursion) {
      (service, call) async throws(ServiceError) in try await service.putRecursion(call)
    },
    Operation("GetFunctionRecursionConfig", .get, "/2024-08-31/functions/{FunctionName}/recursion-config") {
      (service, call) async throws(ServiceError) in try service.getRecursion(call)
    },
    Operation(
      "PutRuntimeManagementConfig", .put, "/2021-07-20/functions/{FunctionName}/runtime-management-config", schema: .putRuntimeManagement
    ) { (service, call) async throws(ServiceError) in try await service.putRuntimeManagement(call) },
    Operation("GetRuntimeManagementConfig", .get, "/2021-07-20/functions/{FunctionName}/runtime-management-config") {
      (service, call) async throws(ServiceError) in try service.getRuntimeManagement(call)
    },
    Operation("GetPolicy", .get, "/2015-03-31/functions/{FunctionName}/policy") { (service, call) async throws(ServiceError) in
      try service.getPolicy(call)
    },
    Operation("GetAccountSettings", .get, "/2016-08-19/account-settings") { (service, call) async throws(ServiceError) in
      service.getAccountSettings(call)
    },
  ]
}
