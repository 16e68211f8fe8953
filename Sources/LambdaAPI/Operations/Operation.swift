internal import Signing
internal import FunctionModel
internal import HTTPTypes

/// One operation of the Lambda API: where it is found on the wire, what its body holds, what it answers and who does it.
struct Operation: Sendable {
  typealias Handler = @Sendable (LambdaService, OperationCall) async throws(ServiceError) -> JSONValue?

  /// One element of a path template.
  enum Segment: Sendable, Hashable {
    case literal(String)
    case parameter(String)
  }

  var name: String
  var method: HTTPRequest.Method
  var path: [Segment]
  /// A query item that must be there, as `find=LayerVersion`, which tells two operations on one path apart.
  var query: (name: String, value: String)?
  var success: Int
  var schema: Schema?
  var handler: Handler

  /// - Parameter path: as in AWS's model: `/2015-03-31/functions/{FunctionName}?find=LayerVersion`.
  init(
    _ name: String, _ method: HTTPRequest.Method, _ path: String, success: Int = 200, schema: Schema? = nil, _ handler: @escaping Handler
  ) {
    self.name = name
    self.method = method
    let target = RequestTarget(path)
    self.path = target.path.split(separator: "/").map {
      $0.first == "{" ? .parameter(String($0.dropFirst().dropLast())) : .literal(String($0))
    }
    query = target.query.first.map { ($0.name, $0.value) }
    self.success = success
    self.schema = schema
    self.handler = handler
  }

  /// Those that carry an archive may be as large as AWS takes them; the rest is settings.
  var bodyLimit: Int {
    switch name {
    case "CreateFunction", "UpdateFunctionCode", "PublishLayerVersion": Limits.createFunctionBodyBytes
    default: Limits.synchronousPayloadBytes
    }
  }

  /// The path's parameters, decoded; `nil` if this is another operation's path.
  func match(_ segments: [Substring], _ target: RequestTarget) -> [String: String]? {
    guard segments.count == path.count, query.map({ target.value($0.name) == $0.value }) ?? true else { return nil }
    var parameters: [String: String] = [:]
    for (segment, pattern) in zip(segments, path) {
      switch pattern {
      case .literal(let text):
        guard segment == text[...] else { return nil }
      case .parameter(let name): parameters[name] = PercentCoding.decode(segment)
      }
    }
    return parameters
  }
}

/// One request to perform an operation.
struct OperationCall: Sendable {
  var caller: Principal
  var parameters: [String: String]
  var target: RequestTarget
  /// An empty object where the operation has no body.
  var body: JSONValue
  /// Scheme and authority that reach this server, for URLs in answers.
  var baseURL: String

  func function() throws(ServiceError) -> FunctionReference {
    try FunctionReference(parameters["FunctionName"] ?? "", qualifier: target.value("Qualifier"), caller: caller.owner)
  }
}
