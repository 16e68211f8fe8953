internal import Signing
internal import FunctionModel
internal import Store

extension LambdaService {
  /// <https://docs.aws.amazon.com/lambda/latest/api/API_PublishLayerVersion.html>
  func publishLayerVersion(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let id = try ownLayer(call)
    let runtimes = call.body.member("CompatibleRuntimes")?.array?.compactMap(\.string) ?? []
    let architectures = call.body.member("CompatibleArchitectures")?.array?.compactMap(\.string) ?? []
    let description = call.body.member("Description")?.string ?? ""
    let license = call.body.member("LicenseInfo")?.string
    let code = try await upload(call.body.member("Content") ?? .object(JSONObject()), kind: .layer)
    let created = clock.milliseconds()
    do throws(CatalogError) {
      let published = try await catalog.publish(layer: id) { number in
        LayerVersion(
          id: id, version: number, description: description, licenseInfo: license, compatibleRuntimes: runtimes,
          compatibleArchitectures: architectures, code: code, created: created)
      }
      return published.json(location: downloads.location(of: code.digest, baseURL: call.baseURL))
    } catch {
      throw .host(error)
    }
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_GetLayerVersion.html>
  func getLayerVersion(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    try await layerAnswer(try ownLayer(call), try Self.versionNumber(call), call)
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_GetLayerVersionByArn.html>
  func getLayerVersionByArn(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let arn = call.target.value("Arn") ?? ""
    var report = ConstraintReport()
    report.check(arn, at: "arn", [.length(1...140), .pattern(LayerNaming.versionPattern, { LayerNaming.version($0) != nil })])
    try report.finish()
    guard let (id, version) = LayerNaming.version(arn) else { throw .validation("arn") }
    try Self.checkOwner(id, call.caller.owner)
    return try await layerAnswer(id, version, call)
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_ListLayers.html>
  func listLayers(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let newest = try await layerVersions { () async throws(CatalogError) in try await catalog.layers(of: call.caller.owner) }
    let page = try Page(
      newest.filter { $0.isCompatible(call.target) }, call.target, bound: 50, key: \.id.name, follows: { $0.id.name > $1 })
    var object = JSONObject()
    object.add(
      "Layers",
      .array(
        page.items.map {
          ["LayerName": .string($0.id.name), "LayerArn": .string($0.id.arn), "LatestMatchingVersion": $0.listed]
        }))
    object.add("NextMarker", page.nextMarker.map { .string($0) })
    return .object(object)
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_ListLayerVersions.html>
  func listLayerVersions(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let id = try ownLayer(call)
    let versions = try await layerVersions { () async throws(CatalogError) in try await catalog.layerVersions(id) }
    let page = try Page(
      versions.filter { $0.isCompatible(call.target) }, call.target, bound: 50, key: { String($0.version) },
      follows: { $0.version < Int($1) ?? 0 })
    var object = JSONObject()
    object.add("LayerVersions", .array(page.items.map(\.listed)))
    object.add("NextMarker", page.nextMarker.map { .string($0) })
    return .object(object)
  }

  /// Idempotent; functions that use the version keep it.
  func deleteLayerVersion(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let id = try ownLayer(call)
    let version = try Self.versionNumber(call)
    do throws(CatalogError) { try await catalog.deleteLayerVersion(id, version) } catch { throw .host(error) }
    return nil
  }

  /// The layer versions a function lists, found and allowed.
  func layers(_ arns: [String], caller: Owner) async throws(ServiceError) -> [LayerReference] {
    guard arns.count <= Limits.layers else { throw .invalidParameterValue("Cannot reference more than \(Limits.layers) layers.") }
    var references: [LayerReference] = []
    var seen: [LayerID: String] = [:]
    for arn in arns {
      guard let (id, number) = LayerNaming.version(arn) else { throw .validation("layers") }
      guard id.owner.region == caller.region else {
        throw .invalidParameterValue(
          "Layers are not in the same region as the function. Layers are expected to be in region \(caller.region).")
      }
      try Self.checkOwner(id, caller)
      guard let version = try await layerVersion(id, number) else {
        throw .invalidParameterValue("Layer version \(arn) does not exist.")
      }
      if let other = seen[id] {
        throw .invalidParameterValue(
          "Two different versions of the same layer are not allowed to be referenced in the same function. \(other) and \(arn) are "
            + "versions of the same layer.")
      }
      seen[id] = arn
      references.append(LayerReference(arn: arn, code: version.code))
    }
    return references
  }

  private func layerAnswer(_ id: LayerID, _ number: Int, _ call: OperationCall) async throws(ServiceError) -> JSONValue {
    guard let version = try await layerVersion(id, number) else { throw .resourceNotFound("The resource you requested does not exist.") }
    return version.json(location: downloads.location(of: version.code.digest, baseURL: call.baseURL))
  }

  private func layerVersion(_ id: LayerID, _ number: Int) async throws(ServiceError) -> LayerVersion? {
    do throws(CatalogError) { return try await catalog.layerVersion(id, number) } catch { throw .host(error) }
  }

  private func layerVersions(_ read: () async throws(CatalogError) -> [LayerVersion]) async throws(ServiceError) -> [LayerVersion] {
    do throws(CatalogError) { return try await read() } catch { throw .host(error) }
  }

  private func ownLayer(_ call: OperationCall) throws(ServiceError) -> LayerID {
    let id = try LayerNaming.layer(call.parameters["LayerName"] ?? "", caller: call.caller.owner)
    try Self.checkOwner(id, call.caller.owner)
    return id
  }

  /// Layers have no policies yet, so that another account's are out of reach.
  private static func checkOwner(_ id: LayerID, _ caller: Owner) throws(ServiceError) {
    guard id.owner == caller else {
      var error = ServiceError.accessDenied
      error.message =
        "Account \(caller.account) is not authorized to perform: lambda:GetLayerVersion on resource: \(id.arn) because no resource-based "
        + "policy allows the lambda:GetLayerVersion action"
      throw error
    }
  }

  private static func versionNumber(_ call: OperationCall) throws(ServiceError) -> Int {
    let text = call.parameters["VersionNumber"] ?? ""
    guard let number = Int(text) else { throw .serialization("\(text) can not be converted to a Long") }
    guard number >= 1 else { throw .invalidParameterValue("Layer Version Cannot be less than 1.") }
    return number
  }
}

extension LayerVersion {
  /// With its content, as Get and Publish answer.
  fileprivate func json(location: String) -> JSONValue {
    guard case .object(var object) = listed else { return listed }
    object.add("LayerArn", .string(id.arn))
    object.add(
      "Content",
      ["Location": .string(location), "CodeSha256": .string(code.digest.base64), "CodeSize": .integer(code.zippedBytes)])
    return .object(object)
  }

  /// As an element of a list.
  fileprivate var listed: JSONValue {
    var object = JSONObject()
    object.add("LayerVersionArn", .string(id.arn(version: version)))
    object.add("Version", .integer(version))
    object.add("Description", .string(description))
    object.add("CreatedDate", .string(CalendarTime(milliseconds: created).lambda))
    if !compatibleRuntimes.isEmpty { object.add("CompatibleRuntimes", .strings(compatibleRuntimes)) }
    if !compatibleArchitectures.isEmpty { object.add("CompatibleArchitectures", .strings(compatibleArchitectures)) }
    object.add("LicenseInfo", licenseInfo.map { .string($0) })
    return .object(object)
  }

  fileprivate func isCompatible(_ target: RequestTarget) -> Bool {
    (target.value("CompatibleRuntime").map(compatibleRuntimes.contains) ?? true)
      && (target.value("CompatibleArchitecture").map(compatibleArchitectures.contains) ?? true)
  }
}
