internal import FunctionModel
internal import Signing
internal import Store

extension LambdaService {
  /// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunctionUrlConfig.html>
  func createFunctionURL(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let (id, qualifier) = try urlReference(call)
    let now = clock.milliseconds()
    let url = FunctionURL(
      id: Self.newURLID(), needsSignature: call.body.member("AuthType")?.string == "AWS_IAM",
      cors: FunctionURL.CORS(call.body.member("Cors")),
      invokeMode: call.body.member("InvokeMode")?.string, created: now, lastModified: now)
    try await catalogued(id) { () async throws(CatalogError) in
      try await catalog.updateSetting(FunctionURL.self, of: id, qualifier: qualifier) { (setting) throws(ServiceError) in
        guard setting == nil else {
          throw .resourceConflict(
            "Failed to create function url config for [functionArn = \(id.arn(qualifier: qualifier.isEmpty ? nil : qualifier))]. "
              + "Error message:  FunctionUrlConfig exists for this Lambda function")
        }
        setting = url
      }
    }
    return json(url, id, qualifier, call, showsModified: false)
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionUrlConfig.html>
  func getFunctionURL(_ call: OperationCall) throws(ServiceError) -> JSONValue? {
    let (id, qualifier) = try urlReference(call)
    guard let url = catalog.setting(FunctionURL.self, of: id, qualifier: qualifier) else { throw .noFunctionURL }
    return json(url, id, qualifier, call)
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionUrlConfig.html>
  func updateFunctionURL(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let (id, qualifier) = try urlReference(call)
    let now = clock.milliseconds()
    do throws(CatalogError) {
      let url = try await catalog.updateSetting(FunctionURL.self, of: id, qualifier: qualifier) { (setting) throws(ServiceError) in
        guard setting != nil else { throw .noFunctionURL }
        if let type = call.body.member("AuthType")?.string { setting?.needsSignature = type == "AWS_IAM" }
        if let cors = call.body.member("Cors") { setting?.cors = FunctionURL.CORS(cors) }
        if let mode = call.body.member("InvokeMode")?.string { setting?.invokeMode = mode }
        setting?.lastModified = now
      }
      return url.map { json($0, id, qualifier, call) }
    } catch {
      throw Self.serviceError(error, id)
    }
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunctionUrlConfig.html>
  func deleteFunctionURL(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let (id, qualifier) = try urlReference(call)
    try await catalogued(id) { () async throws(CatalogError) in
      try await catalog.updateSetting(FunctionURL.self, of: id, qualifier: qualifier) { (setting) throws(ServiceError) in
        guard setting != nil else { throw .noFunctionURL }
        setting = nil
      }
    }
    return nil
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctionUrlConfigs.html>
  func listFunctionURLs(_ call: OperationCall) throws(ServiceError) -> JSONValue? {
    let id = try existing(FunctionReference(id: try call.function().id)).id
    let urls = catalog.settings(FunctionURL.self, of: id.owner).filter { $0.function == id }
    let page = try Page(urls, call.target, bound: 50, key: \.qualifier, follows: { $0.qualifier > $1 })
    var object = JSONObject()
    object.add("FunctionUrlConfigs", .array(page.items.map { json($0.setting, id, $0.qualifier, call) }))
    object.add("NextMarker", page.nextMarker.map { .string($0) })
    return .object(object)
  }

  /// The function or alias that has the URL; versions have none.
  private func urlReference(_ call: OperationCall) throws(ServiceError) -> (id: FunctionID, qualifier: String) {
    let reference = try call.function()
    if let qualifier = reference.qualifier, !AliasNaming.isName(qualifier) {
      var report = ConstraintReport()
      report.check(qualifier, at: "qualifier", [.pattern("((?!^\\d+$)^[0-9a-zA-Z-_]+$)", AliasNaming.isName)])
      try report.finish()
    }
    guard catalog.function(reference.id, qualifier: reference.qualifier) != nil else {
      throw .resourceNotFound("Function does not exist")
    }
    return (reference.id, reference.qualifier ?? "")
  }

  private static func newURLID() -> String {
    let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
    var generator = SystemRandomNumberGenerator()
    return String(decoding: (0..<32).map { _ in alphabet[Int.random(in: 0..<32, using: &generator)] }, as: UTF8.self)
  }

  /// `FunctionUrlConfig` of AWS's model.
  private func json(
    _ url: FunctionURL, _ id: FunctionID, _ qualifier: String, _ call: OperationCall, showsModified: Bool = true
  ) -> JSONValue {
    var object = JSONObject()
    object.add("FunctionUrl", .string(FunctionURLAddress(url.id, region: id.owner.region).text(baseURL: call.baseURL)))
    object.add("FunctionArn", .string(id.arn(qualifier: qualifier.isEmpty ? nil : qualifier)))
    object.add("AuthType", url.needsSignature ? "AWS_IAM" : "NONE")
    object.add("Cors", url.cors?.json)
    object.add("CreationTime", .string(CalendarTime(milliseconds: url.created).iso))
    if showsModified { object.add("LastModifiedTime", .string(CalendarTime(milliseconds: url.lastModified).iso)) }
    object.add("InvokeMode", url.invokeMode.map { .string($0) })
    return .object(object)
  }
}

/// Where a function URL is found: by the host name `<id>.lambda-url.<region>.<domain>`, or, where such names cannot be resolved, beneath the
/// path `/lambda-url/<id>/`.
struct FunctionURLAddress {
  static let label = "lambda-url"
  static let pathPrefix = "/lambda-url/"

  var id: String
  var region: String

  init(_ id: String, region: String) {
    self.id = id
    self.region = region
  }

  /// As a URL: by host name if this server is called by a name, and by path if by an address.
  func text(baseURL: String) -> String {
    let parts = baseURL.split(separator: "://", maxSplits: 1)
    guard parts.count == 2, parts[1].first != "[" else { return "\(baseURL)\(Self.pathPrefix)\(id)/" }
    let name = parts[1].prefix { $0 != ":" }
    let isAddress = name.utf8.allSatisfy { (48...57).contains($0) || $0 == UInt8(ascii: ".") }
    return isAddress ? "\(baseURL)\(Self.pathPrefix)\(id)/" : "\(parts[0])://\(id).\(Self.label).\(region).\(parts[1])/"
  }

  /// The id in a `Host`; `nil` if it is none of a function URL.
  static func id(authority: String) -> String? {
    let labels = authority.split(separator: ".", maxSplits: 2)
    return labels.count == 3 && labels[1] == label ? labels[0].lowercased() : nil
  }
}

extension ServiceError {
  fileprivate static let noFunctionURL = ServiceError.resourceNotFound("The resource you requested does not exist.")
}

extension FunctionURL.CORS {
  /// An empty one takes it away.
  fileprivate init?(_ value: JSONValue?) {
    guard let value, case .object(let object) = value, !object.isEmpty else { return nil }
    self.init()
    allowCredentials = value.member("AllowCredentials")?.bool
    allowHeaders = value.member("AllowHeaders")?.array?.compactMap(\.string)
    allowMethods = value.member("AllowMethods")?.array?.compactMap(\.string)
    allowOrigins = value.member("AllowOrigins")?.array?.compactMap(\.string)
    exposeHeaders = value.member("ExposeHeaders")?.array?.compactMap(\.string)
    maxAge = value.member("MaxAge")?.integer
  }

  fileprivate var json: JSONValue {
    var object = JSONObject()
    object.add("AllowCredentials", allowCredentials.map { .bool($0) })
    object.add("AllowHeaders", allowHeaders.map { .strings($0) })
    object.add("AllowMethods", allowMethods.map { .strings($0) })
    object.add("AllowOrigins", allowOrigins.map { .strings($0) })
    object.add("ExposeHeaders", exposeHeaders.map { .strings($0) })
    object.add("MaxAge", maxAge.map { .integer($0) })
    return .object(object)
  }
}
