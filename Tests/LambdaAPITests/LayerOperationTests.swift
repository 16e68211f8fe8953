import Signing
import FunctionModel
import LambdaAPI
import Testing

/// Operations on layers, over a running server.
@Suite struct LayerOperationTests {
  static let layers = "/2018-10-31/layers"

  private func publish(_ name: String, _ text: String, over connection: inout RawConnection) async throws -> RawConnection.Reply {
    try await connection.request(
      "POST", "\(Self.layers)/\(name)/versions",
      json: [
        "Content": ["ZipFile": .string(Zip.base64(["python/a.py": text]))], "Description": "a layer",
        "CompatibleRuntimes": .strings(["python3.11"]), "LicenseInfo": "MIT",
      ])
  }

  @Test func `versions count up and are listed newest first`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        let first = try await publish("one", "1", over: &connection)
        #expect(first.status == 201 && first.json["Version"] == .integer(1))
        #expect(first.json["LayerArn"] == "arn:aws:lambda:us-east-1:000000000000:layer:one")
        #expect(first.json["LayerVersionArn"] == "arn:aws:lambda:us-east-1:000000000000:layer:one:1")
        #expect(first.json["CompatibleRuntimes"] == .strings(["python3.11"]) && first.json["LicenseInfo"] == "MIT")
        #expect(first.json["CompatibleArchitectures"] == nil && first.json["Content"]?["CodeSha256"]?.string?.count == 44)
        _ = try await publish("one", "2", over: &connection)
        _ = try await publish("two", "3", over: &connection)
        let versions = try await connection.request("GET", "\(Self.layers)/one/versions")
        #expect(versions.json["LayerVersions"]?.array?.map { $0["Version"] } == [.integer(2), .integer(1)])
        let all = try await connection.request("GET", Self.layers)
        #expect(all.json["Layers"]?.array?.map { $0["LayerName"] } == ["one", "two"])
        #expect(all.json["Layers"]?.array?.first?["LatestMatchingVersion"]?["Version"] == .integer(2))
        let other = try await connection.request("GET", "\(Self.layers)?CompatibleRuntime=ruby3.3")
        #expect(other.json["Layers"] == .array([]))
      }
    }
  }

  @Test func `lists of versions are paged`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        for index in 1...3 { _ = try await publish("one", "\(index)", over: &connection) }
        let first = try await connection.request("GET", "\(Self.layers)/one/versions?MaxItems=2")
        #expect(first.json["LayerVersions"]?.array?.count == 2)
        let marker = PercentCoding.encode((first.json["NextMarker"]?.string ?? "").utf8)
        let second = try await connection.request("GET", "\(Self.layers)/one/versions?MaxItems=2&Marker=\(marker)")
        #expect(second.json["LayerVersions"]?.array?.map { $0["Version"] } == [.integer(1)] && second.json["NextMarker"] == nil)
      }
    }
  }

  @Test func `a version is found by number and by ARN, and its content can be fetched`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        let published = try await publish("one", "1", over: &connection)
        let got = try await connection.request("GET", "\(Self.layers)/one/versions/1")
        let arn = PercentCoding.encode("arn:aws:lambda:us-east-1:000000000000:layer:one:1".utf8)
        let byARN = try await connection.request("GET", "\(Self.layers)?find=LayerVersion&Arn=\(arn)")
        for reply in [got, byARN] {
          #expect(reply.status == 200 && reply.json["CodeSha256"] == published.json["CodeSha256"])
          #expect(reply.json["Content"]?["CodeSize"] == published.json["Content"]?["CodeSize"])
        }
        let location = try #require(got.json["Content"]?["Location"]?.string)
        #expect(
          try await connection.request("GET", String(location.drop { $0 != "/" }.dropFirst(2).drop { $0 != "/" })).body.hasPrefix("PK"))
      }
    }
  }

  @Test func `a deleted version is gone, its number too, and functions keep it`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        _ = try await publish("one", "1", over: &connection)
        let arn = "arn:aws:lambda:us-east-1:000000000000:layer:one:1"
        let created = try await Deployment.create("hello", ["Layers": .strings([arn])], over: &connection)
        #expect(created.json["Layers"]?.array?.first?["Arn"] == .string(arn))
        for _ in 0..<2 { #expect(try await connection.request("DELETE", "\(Self.layers)/one/versions/1").status == 204) }
        let missing = try await connection.request("GET", "\(Self.layers)/one/versions/1")
        #expect(missing.status == 404 && missing.message == "The resource you requested does not exist.")
        #expect(try await publish("one", "2", over: &connection).json["Version"] == .integer(2))
        let function = try await connection.request("GET", "/2015-03-31/functions/hello/configuration")
        #expect(function.json["Layers"]?.array?.count == 1)
      }
    }
  }

  @Test func `two versions of one layer do not go together`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        for text in ["1", "2"] { _ = try await publish("one", text, over: &connection) }
        let arns = [1, 2].map { "arn:aws:lambda:us-east-1:000000000000:layer:one:\($0)" }
        let reply = try await Deployment.create("hello", ["Layers": .strings(arns)], over: &connection)
        #expect(
          reply.message == "Two different versions of the same layer are not allowed to be referenced in the same function. \(arns[0]) and "
            + "\(arns[1]) are versions of the same layer.")
      }
    }
  }

  @Test(arguments: [
    ("0", "InvalidParameterValueException", "Layer Version Cannot be less than 1."),
    ("x", "SerializationException", "x can not be converted to a Long"),
  ]) func `a version number is checked`(_ number: String, _ type: String, _ message: String) async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        let reply = try await connection.request("GET", "\(Self.layers)/one/versions/\(number)")
        #expect(reply.status == 400 && reply.errorType == type && reply.message == message)
      }
    }
  }

  @Test func `another account's layer is out of reach`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        let reply = try await Deployment.create(
          "hello", ["Layers": .strings(["arn:aws:lambda:us-east-1:123456789012:layer:one:1"])], over: &connection)
        #expect(reply.status == 403 && reply.errorType == "AccessDeniedException")
      }
    }
  }
}
