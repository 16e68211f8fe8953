import LambdaAPI

/// Requests that many tests begin with.
enum Deployment {
  static let role = "arn:aws:iam::000000000000:role/lambda"

  static func body(_ name: String, _ more: KeyValuePairs<String, JSONValue> = [:]) -> JSONValue {
    var object = JSONObject()
    object.add("FunctionName", .string(name))
    object.add("Runtime", "python3.11")
    object.add("Handler", "app.handler")
    object.add("Role", .string(role))
    object.add("Code", ["ZipFile": .string(Zip.base64(["app.py": "def handler(event, context): return event\n"]))])
    // The later of two members of one name counts.
    for (name, value) in more { object.add(name, value) }
    return .object(object)
  }

  /// Creates a function, which is active when this returns.
  @discardableResult
  static func create(
    _ name: String, _ more: KeyValuePairs<String, JSONValue> = [:], over connection: inout RawConnection
  ) async throws -> RawConnection.Reply {
    try await connection.request("POST", "/2015-03-31/functions", json: body(name, more))
  }
}

extension TestServer {
  /// With the function `hello`, and the connection over which it was created.
  static func withFunction<Value: Sendable>(
    _ body: @Sendable (TestServer, inout RawConnection) async throws -> Value
  ) async throws -> Value {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        try await Deployment.create("hello", over: &connection)
        return try await body(server, &connection)
      }
    }
  }
}
