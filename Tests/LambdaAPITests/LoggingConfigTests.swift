import LambdaAPI
import Testing

/// `LoggingConfig` from the request into the catalog and back.
@Suite struct LoggingConfigTests {
  private static let functions = "/2015-03-31/functions"

  private static let asked: [(given: [JSONValue], shown: JSONValue)] = [
    ([[:]], ["LogFormat": "Text", "LogGroup": "/aws/lambda/f"]),
    (
      [["LogFormat": "JSON"]],
      ["LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", "LogGroup": "/aws/lambda/f"]
    ),
    (
      [["LogFormat": "JSON", "ApplicationLogLevel": "TRACE", "SystemLogLevel": "WARN", "LogGroup": "/own/group"]],
      ["LogFormat": "JSON", "ApplicationLogLevel": "TRACE", "SystemLogLevel": "WARN", "LogGroup": "/own/group"]
    ),
    (
      [["LogFormat": "JSON", "SystemLogLevel": "DEBUG"], ["ApplicationLogLevel": "FATAL"]],
      ["LogFormat": "JSON", "ApplicationLogLevel": "FATAL", "SystemLogLevel": "DEBUG", "LogGroup": "/aws/lambda/f"]
    ),
    (
      [["LogFormat": "JSON", "ApplicationLogLevel": "ERROR"], ["LogFormat": "JSON", "SystemLogLevel": "WARN"]],
      ["LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "WARN", "LogGroup": "/aws/lambda/f"]
    ),
    (
      [["LogFormat": "JSON", "LogGroup": "g"], ["LogFormat": "Text"]], ["LogFormat": "Text", "LogGroup": "g"]
    ),
  ]

  @Test(arguments: asked)
  func `what was asked for is shown`(given: [JSONValue], shown: JSONValue) async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        try await Deployment.create("f", ["LoggingConfig": given[0]], over: &connection)
        for change in given.dropFirst() {
          let reply = try await connection.request("PUT", "\(Self.functions)/f/configuration", json: ["LoggingConfig": change])
          #expect(reply.status == 200)
        }
        let reply = try await connection.request("GET", "\(Self.functions)/f/configuration")
        #expect(reply.json["LoggingConfig"] == shown)
      }
    }
  }

  @Test func `a level without JSON is refused and changes nothing`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        try await Deployment.create("f", ["LoggingConfig": ["LogFormat": "JSON"]], over: &connection)
        let refused = try await connection.request(
          "PUT", "\(Self.functions)/f/configuration", json: ["LoggingConfig": ["LogFormat": "Text", "SystemLogLevel": "INFO"]])
        #expect(refused.status == 400 && refused.errorType == "InvalidParameterValueException")
        let reply = try await connection.request("GET", "\(Self.functions)/f/configuration")
        #expect(reply.json["LoggingConfig"]?["LogFormat"] == "JSON")
        for bad: JSONValue in [["LogFormat": "XML"], ["ApplicationLogLevel": "info"], ["SystemLogLevel": "ERROR"], ["LogGroup": "a b"]] {
          let reply = try await connection.request("PUT", "\(Self.functions)/f/configuration", json: ["LoggingConfig": bad])
          #expect(reply.status == 400 && reply.errorType == "ValidationException", "\(bad)")
        }
      }
    }
  }
}
