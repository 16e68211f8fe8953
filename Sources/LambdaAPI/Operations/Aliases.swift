internal import FunctionModel
internal import Signing
internal import Store

extension LambdaService {
  /// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html>
  func createAlias(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let id = try existing(FunctionReference(id: try call.function().id)).id
    var identifiers = IdentifierSource()
    var alias = FunctionAlias(
      name: call.body.member("Name")?.string ?? "", version: call.body.member("FunctionVersion")?.string ?? "",
      revisionID: identifiers.uuid())
    try apply(call.body, to: &alias, of: id)
    do throws(CatalogError) {
      try await catalog.insert(alias, of: id)
    } catch .exists {
      throw .resourceConflict("Alias already exists: \(id.arn(qualifier: alias.name))")
    } catch {
      throw Self.serviceError(error, id)
    }
    return alias.json(of: id)
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_GetAlias.html>
  func getAlias(_ call: OperationCall) throws(ServiceError) -> JSONValue? {
    let (id, name) = try Self.aliasReference(call)
    guard let alias = catalog.alias(id, name) else { throw .resourceNotFound("Cannot find alias arn: \(id.arn(qualifier: name))") }
    return alias.json(of: id)
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_ListAliases.html>
  func listAliases(_ call: OperationCall) throws(ServiceError) -> JSONValue? {
    let id = try existing(FunctionReference(id: try call.function().id)).id
    var aliases = catalog.aliases(of: id)
    if let version = call.target.value("FunctionVersion"), !version.isEmpty { aliases.removeAll { !$0.leads(to: version) } }
    let page = try Page(aliases, call.target, bound: 10_000, key: \.name, follows: { $0.name > $1 })
    var object = JSONObject()
    object.add("Aliases", .array(page.items.map { $0.json(of: id) }))
    object.add("NextMarker", page.nextMarker.map { .string($0) })
    return .object(object)
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html>
  func updateAlias(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let (id, name) = try Self.aliasReference(call)
    do throws(CatalogError) {
      let alias = try await catalog.updateAlias(id, name, expectedRevision: call.body.member("RevisionId")?.string) {
        (alias) throws(ServiceError) in
        if let version = call.body.member("FunctionVersion")?.string { alias.version = version }
        try self.apply(call.body, to: &alias, of: id)
      }
      return alias.json(of: id)
    } catch .missing {
      throw .resourceNotFound("Alias not found: \(id.arn(qualifier: name))")
    } catch {
      throw Self.serviceError(error, id)
    }
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_DeleteAlias.html>
  func deleteAlias(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let (id, name) = try Self.aliasReference(call)
    try await catalogued(id) { () async throws(CatalogError) in try await catalog.deleteAlias(id, name) }
    return nil
  }

  private static func aliasReference(_ call: OperationCall) throws(ServiceError) -> (id: FunctionID, name: String) {
    let name = call.parameters["Name"] ?? ""
    var report = ConstraintReport()
    report.check(name, at: "name", [.length(1...128), .pattern(AliasNaming.pattern, AliasNaming.isName)])
    try report.finish()
    return (try call.function().id, name)
  }

  /// Writes what a request gives into an alias, and checks that it leads somewhere.
  private func apply(_ body: JSONValue, to alias: inout FunctionAlias, of id: FunctionID) throws(ServiceError) {
    if let description = body.member("Description")?.string { alias.description = description }
    if let routing = body.member("RoutingConfig") { alias.weights = Self.weights(routing) }
    for version in [alias.version] + alias.weights.keys where catalog.version(id, qualifier: version) == nil {
      throw .functionNotFound(id.arn(qualifier: version))
    }
    guard !alias.weights.isEmpty else { return }
    guard alias.weights.count == 1 else {
      throw .invalidParameterValue("Number of items in AdditionalVersionWeights cannot be greater than 1")
    }
    guard alias.version != "$LATEST" else {
      throw .invalidParameterValue("$LATEST is not supported for an alias pointing to more than 1 version")
    }
    guard alias.weights[alias.version] == nil else {
      throw .invalidParameterValue(
        "Invalid function version \(alias.version). Function version \(alias.version) is already included in routing configuration.")
    }
  }

  private static func weights(_ routing: JSONValue) -> [String: Double] {
    guard case .object(let object)? = routing.member("AdditionalVersionWeights") else { return [:] }
    var weights: [String: Double] = [:]
    for member in object.members { weights[member.name] = member.value.double }
    return weights
  }
}

extension FunctionAlias {
  /// `AliasConfiguration` of AWS's model.
  ///
  /// <https://docs.aws.amazon.com/lambda/latest/api/API_AliasConfiguration.html>
  func json(of id: FunctionID) -> JSONValue {
    var object = JSONObject()
    object.add("AliasArn", .string(id.arn(qualifier: name)))
    object.add("Name", .string(name))
    object.add("FunctionVersion", .string(version))
    object.add("Description", .string(description))
    // Absent rather than empty: an empty one is a difference to Terraform, for ever.
    if !weights.isEmpty {
      var shares = JSONObject()
      for (version, weight) in weights.sorted(by: { $0.key < $1.key }) { shares.add(version, .number("\(weight)")) }
      object.add("RoutingConfig", ["AdditionalVersionWeights": .object(shares)])
    }
    object.add("RevisionId", .string(revisionID))
    return .object(object)
  }
}
