internal import Signing
internal import FunctionModel
internal import Store

extension LambdaService {
  /// The function, or its version, that a request addresses by number, alias or not at all.
  func existing(_ reference: FunctionReference) throws(ServiceError) -> FunctionConfiguration {
    guard let function = catalog.function(reference.id, qualifier: reference.qualifier) else {
      throw .functionNotFound(reference.arn)
    }
    return function
  }

  /// The same for operations that change a function, which only `$LATEST` can be.
  func changeable(_ reference: FunctionReference) throws(ServiceError) -> FunctionConfiguration {
    guard reference.qualifier == nil || reference.qualifier == "$LATEST" else { throw .functionNotFound(reference.arn) }
    return try existing(reference)
  }

  func json(_ function: FunctionConfiguration, _ view: ConfigurationView = .whole, qualifier: String? = nil) -> JSONValue {
    function.json(
      view, qualifier: qualifier, runtimeVersion: configuration.runtimes[function.runtime] ?? nil, vpc: configuration.networks.vpc)
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html>
  func getFunction(_ call: OperationCall) throws(ServiceError) -> JSONValue? {
    let reference = try call.function()
    let function = try existing(reference)
    var object = JSONObject()
    object.add("Configuration", json(function, qualifier: reference.qualifier))
    object.add(
      "Code",
      ["RepositoryType": "S3", "Location": .string(downloads.location(of: function.code.digest, baseURL: call.baseURL))])
    if !function.tags.isEmpty { object.add("Tags", .map(function.tags)) }
    if let reserved = catalog.setting(ReservedConcurrency.self, of: function.id) {
      object.add("Concurrency", ["ReservedConcurrentExecutions": .integer(reserved.executions)])
    }
    return .object(object)
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html>
  func getFunctionConfiguration(_ call: OperationCall) throws(ServiceError) -> JSONValue? {
    let reference = try call.function()
    return json(try existing(reference), qualifier: reference.qualifier)
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html>
  func listFunctions(_ call: OperationCall) throws(ServiceError) -> JSONValue? {
    let version = call.target.value("FunctionVersion")
    if let version {
      var report = ConstraintReport()
      report.check(version, at: "functionVersion", [.oneOf(["ALL"])])
      try report.finish()
    }
    let functions = catalog.functions(of: call.caller.owner)
    let page =
      if version == nil {
        try Page(functions, call.target, bound: 10_000, key: \.id.name, follows: { $0.id.name > $1 })
      } else {
        try Page(
          functions.flatMap { catalog.versions(of: $0.id) }, call.target, bound: 10_000, key: { "\($0.id.name):\($0.version)" },
          follows: Self.follows)
      }
    var object = JSONObject()
    object.add("Functions", .array(page.items.map { json($0, .listed, qualifier: version == nil ? nil : $0.version) }))
    object.add("NextMarker", page.nextMarker.map { .string($0) })
    return .object(object)
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_ListVersionsByFunction.html>
  func listVersions(_ call: OperationCall) throws(ServiceError) -> JSONValue? {
    let function = try existing(FunctionReference(id: try call.function().id))
    let page = try Page(
      catalog.versions(of: function.id), call.target, bound: 10_000, key: { "\($0.id.name):\($0.version)" }, follows: Self.follows)
    var object = JSONObject()
    object.add("Versions", .array(page.items.map { json($0, .listed, qualifier: $0.version) }))
    object.add("NextMarker", page.nextMarker.map { .string($0) })
    return .object(object)
  }

  /// Whether a version comes after the one that a marker remembers by name and number; `$LATEST` comes before all numbers.
  private static func follows(_ version: FunctionConfiguration, _ marker: String) -> Bool {
    let fields = marker.split(separator: ":", maxSplits: 1)
    guard fields.count == 2 else { return true }
    return (version.id.name, Int(version.version) ?? 0) > (String(fields[0]), Int(fields[1]) ?? 0)
  }

  /// Terraform fails on anything but success here, also when no signing is configured.
  func getFunctionCodeSigningConfig(_ call: OperationCall) throws(ServiceError) -> JSONValue? {
    ["FunctionName": .string(try existing(try call.function()).id.name)]
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html>, but for `TotalCodeSize`, which is not limited here.
  func getAccountSettings(_ call: OperationCall) -> JSONValue? {
    let functions = catalog.functions(of: call.caller.owner)
    let limit: JSONValue = [
      "CodeSizeUnzipped": .integer(Limits.unzippedCodeBytes), "CodeSizeZipped": .integer(Limits.zippedCodeBytes),
      "ConcurrentExecutions": .integer(configuration.concurrencyLimit),
      "UnreservedConcurrentExecutions": .integer(unreservedConcurrency(of: call.caller.owner)),
    ]
    let usage: JSONValue = [
      "TotalCodeSize": .integer(functions.reduce(0) { $0 + $1.code.zippedBytes }), "FunctionCount": .integer(functions.count),
    ]
    return ["AccountLimit": limit, "AccountUsage": usage]
  }

  /// Runs a change of the catalog and words what it refuses as AWS does.
  func catalogued(_ id: FunctionID, _ change: () async throws(CatalogError) -> Void) async throws(ServiceError) {
    do throws(CatalogError) { try await change() } catch { throw Self.serviceError(error, id) }
  }

  static func serviceError(_ error: CatalogError, _ id: FunctionID) -> ServiceError {
    switch error {
    case .exists: .exists(id)
    case .missing: .functionNotFound(id.arn)
    case .revisionMismatch: .preconditionFailed
    case .refused(let error): error
    case .noUserIDLeft, .store: .host(error)
    }
  }
}
