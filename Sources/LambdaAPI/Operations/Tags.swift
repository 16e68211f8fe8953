internal import Signing
internal import FunctionModel
internal import Store

enum Tags {
  static let limit = 50

  /// <https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html#tag-conventions>
  static func checked(_ value: JSONValue?) throws(ServiceError) -> [String: String] {
    guard case .object(let object)? = value else { return [:] }
    var tags: [String: String] = [:]
    for member in object.members { tags[member.name] = member.value.string ?? "" }
    try check(tags)
    return tags
  }

  static func check(_ tags: [String: String]) throws(ServiceError) {
    guard tags.count <= limit else { throw .invalidParameterValue("Number of tags exceeds resource tag limit.") }
    for (key, value) in tags {
      guard (1...128).contains(key.unicodeScalars.count), value.unicodeScalars.count <= 256 else {
        throw .invalidParameterValue("Tag keys have 1 to 128 characters and tag values at most 256: \(key)")
      }
      guard !key.lowercased().hasPrefix("aws:") else {
        throw .invalidParameterValue("System tags cannot be added/updated by requester: \(key)")
      }
    }
  }
}

extension LambdaService {
  /// The function whose ARN a tag operation names; the only thing that can be tagged so far.
  private func tagged(_ call: OperationCall) throws(ServiceError) -> FunctionConfiguration {
    let resource = call.parameters["Resource"] ?? ""
    guard resource.hasPrefix("arn:"), FunctionNameParts(resource)?.qualifier == nil else {
      throw .invalidParameterValue("Tags on function aliases and versions are not supported. Please specify a function ARN.")
    }
    return try changeable(try FunctionReference(resource, caller: call.caller.owner))
  }

  func listTags(_ call: OperationCall) throws(ServiceError) -> JSONValue? { ["Tags": .map(try tagged(call).tags)] }

  func tagResource(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let id = try tagged(call).id
    let tags = try Tags.checked(call.body.member("Tags"))
    guard !tags.isEmpty else { throw .invalidParameterValue("An error occurred and the request cannot be processed.") }
    try await changeTags(id) { (all) throws(ServiceError) in
      all.merge(tags) { _, new in new }
      try Tags.check(all)
    }
    return nil
  }

  func untagResource(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let id = try tagged(call).id
    let keys = call.target.values("tagKeys")
    guard !keys.isEmpty else {
      var report = ConstraintReport()
      report.check(nil, at: "tagKeys", [.required])
      throw .validation(report.message ?? "tagKeys")
    }
    try await changeTags(id) { (all) throws(ServiceError) in for key in keys { all[key] = nil } }
    return nil
  }

  private func changeTags(
    _ id: FunctionID, _ change: @escaping @Sendable (inout [String: String]) throws(ServiceError) -> Void
  ) async throws(ServiceError) {
    try await catalogued(id) { () async throws(CatalogError) in
      _ = try await catalog.update(id, expectedRevision: nil) { (function) throws(ServiceError) in try change(&function.tags) }
    }
  }
}
