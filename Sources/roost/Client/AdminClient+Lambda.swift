import NIOHTTP1

// AWS Lambda's own paths, as its clients use them on the front: <https://docs.aws.amazon.com/lambda/latest/api/>.
extension AdminClient {
  private static let functions = "/2015-03-31/functions"
  private static let layers = "/2018-10-31/layers"

  func functions() async throws(CommandFailure) -> [JSONValue] {
    try await pages(of: "Functions", at: Self.functions)
  }

  func function(_ name: String) async throws(CommandFailure) -> JSONValue {
    try await value(AdminRequest(.GET, "\(Self.functions)/\(name.percentEncoded)/configuration"))
  }

  func createFunction(_ members: [String: JSONValue]) async throws(CommandFailure) -> JSONValue {
    try await value(.json(.POST, Self.functions, members))
  }

  func updateConfiguration(of name: String, _ members: [String: JSONValue]) async throws(CommandFailure) -> JSONValue {
    try await value(.json(.PUT, "\(Self.functions)/\(name.percentEncoded)/configuration", members))
  }

  func updateCode(of name: String, _ members: [String: JSONValue]) async throws(CommandFailure) -> JSONValue {
    try await value(.json(.PUT, "\(Self.functions)/\(name.percentEncoded)/code", members))
  }

  func deleteFunction(_ name: String) async throws(CommandFailure) {
    try await success(AdminRequest(.DELETE, "\(Self.functions)/\(name.percentEncoded)"))
  }

  func invoke(_ name: String, payload: [UInt8], wantsLog: Bool) async throws(CommandFailure) -> AdminResponse {
    var headers: HTTPHeaders = ["X-Amz-Invocation-Type": "RequestResponse", "Content-Type": "application/json"]
    if wantsLog { headers.add(name: "X-Amz-Log-Type", value: "Tail") }
    return try await success(AdminRequest(.POST, "\(Self.functions)/\(name.percentEncoded)/invocations", headers: headers, body: payload))
  }

  func layers() async throws(CommandFailure) -> [JSONValue] {
    try await pages(of: "Layers", at: Self.layers)
  }

  func layerVersions(_ name: String) async throws(CommandFailure) -> [JSONValue] {
    try await pages(of: "LayerVersions", at: "\(Self.layers)/\(name.percentEncoded)/versions")
  }

  func layerVersion(_ name: String, _ version: Int) async throws(CommandFailure) -> JSONValue {
    try await value(AdminRequest(.GET, "\(Self.layers)/\(name.percentEncoded)/versions/\(version)"))
  }

  func publishLayer(_ name: String, _ members: [String: JSONValue]) async throws(CommandFailure) -> JSONValue {
    try await value(.json(.POST, "\(Self.layers)/\(name.percentEncoded)/versions", members))
  }

  func deleteLayerVersion(_ name: String, _ version: Int) async throws(CommandFailure) {
    try await success(AdminRequest(.DELETE, "\(Self.layers)/\(name.percentEncoded)/versions/\(version)"))
  }

  /// All of a listing: AWS hands out pages and a `NextMarker`.
  private func pages(of member: String, at path: String) async throws(CommandFailure) -> [JSONValue] {
    var all = [JSONValue]()
    var marker: String?
    repeat {
      let start = marker.map { "?Marker=\($0.percentEncoded)" } ?? ""
      let page: JSONValue = try await value(AdminRequest(.GET, path + start))
      all += page[member]?.elements ?? []
      marker = page["NextMarker"]?.text
    } while marker?.isEmpty == false
    return all
  }
}

extension AdminRequest {
  fileprivate static func json(_ method: HTTPMethod, _ target: String, _ members: [String: JSONValue]) throws(CommandFailure)
    -> AdminRequest
  {
    let body = Array(try Report.json(JSONValue.object(members)).utf8)
    return AdminRequest(method, target, headers: ["Content-Type": "application/json"], body: body)
  }
}
