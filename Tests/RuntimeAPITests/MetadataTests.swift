import Testing

@testable import RuntimeAPI

/// The Metadata API, over a raw socket.
@Suite(.timeLimit(.minutes(1))) struct MetadataTests {
  static let token = "8476a536-e9f4-41e8-9739-2dfe598c3f01"

  static func get(_ authorization: String?) -> String {
    let field = authorization.map { "Authorization: \($0)\r\n" } ?? ""
    return "GET /2026-01-15/metadata/execution-environment HTTP/1.1\r\nHost: 169.254.100.1:9001\r\n\(field)\r\n"
  }

  @Test func `who has the token is told the zone`() async throws {
    try await Sandbox.serving { sandbox in
      var client = try await sandbox.client()
      try await client.send(Self.get("Bearer \(Self.token)"))
      let answer = try await client.response()
      #expect(answer.status == 200)
      #expect(answer["Content-Type"] == "application/json")
      #expect(answer["Cache-Control"] == "private, max-age=43200, immutable")
      #expect(answer.body == #"{"AvailabilityZoneID":"use1-az1"}"#)
    }
  }

  @Test(arguments: [nil, "", "Bearer", token, "Bearer \(token)0", "Bearer \(token.dropLast())2", "Basic \(token)"])
  func `who has not is told nothing`(authorization: String?) async throws {
    try await Sandbox.serving { sandbox in
      var client = try await sandbox.client()
      try await client.send(Self.get(authorization))
      let answer = try await client.response()
      #expect(answer.status == 401)
      #expect(answer.body == "Unauthorized")
    }
  }
}
