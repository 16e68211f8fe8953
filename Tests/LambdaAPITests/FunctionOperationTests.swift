import Signing
import FoundationEssentials
import FunctionModel
import HTTPTypes
import LambdaAPI
import NIOCore
import Testing

/// Operations on functions, over a running server.
@Suite struct FunctionOperationTests {
  static let functions = "/2015-03-31/functions"

  @Test func `a function is pending in the answer and active at the first poll`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        let created = try await Deployment.create("hello", over: &connection)
        #expect(created.status == 201)
        #expect(created.json["State"] == "Pending" && created.json["StateReasonCode"] == "Creating")
        #expect(created.json["LastUpdateStatus"] == nil)
        let polled = try await connection.request("GET", "\(Self.functions)/hello/configuration")
        #expect(polled.status == 200)
        #expect(polled.json["State"] == "Active" && polled.json["LastUpdateStatus"] == "Successful")
        #expect(polled.json["StateReason"] == nil)
        #expect(polled.json["RevisionId"] != created.json["RevisionId"])
      }
    }
  }

  @Test func `a configuration has AWS's shape`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        try await Deployment.create("hello", ["Tags": ["a": "b"], "Environment": ["Variables": ["KEY": "value"]]], over: &connection)
        let reply = try await connection.request("GET", "\(Self.functions)/hello?Qualifier=%24LATEST")
        let configuration = try #require(reply.json["Configuration"])
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:hello"
        let expected: [String: JSONValue] = [
          "FunctionName": "hello", "FunctionArn": .string(arn + ":$LATEST"), "Runtime": "python3.11", "Handler": "app.handler",
          "Role": .string(Deployment.role), "Description": "", "Timeout": .integer(3), "MemorySize": .integer(128), "Version": "$LATEST",
          "TracingConfig": ["Mode": "PassThrough"], "PackageType": "Zip", "Architectures": .strings(["x86_64"]),
          "EphemeralStorage": ["Size": .integer(512)], "LoggingConfig": ["LogFormat": "Text", "LogGroup": "/aws/lambda/hello"],
          "SnapStart": ["ApplyOn": "None", "OptimizationStatus": "Off"], "Environment": ["Variables": ["KEY": "value"]],
          "RuntimeVersionConfig": ["RuntimeVersionArn": .string("arn:aws:lambda:us-east-1::runtime:" + String(repeating: "a", count: 64))],
        ]
        for (name, value) in expected { #expect(configuration[name] == value, "\(name)") }
        for absent in ["Layers", "VpcConfig", "DeadLetterConfig", "KMSKeyArn", "StateReason", "StateReasonCode"] {
          #expect(configuration[absent] == nil, "\(absent)")
        }
        let modified = try #require(configuration["LastModified"]?.string)
        #expect(modified.utf8.count == 28 && modified.hasSuffix("+0000"))
        #expect(configuration["CodeSha256"]?.string?.count == 44)
        #expect(reply.json["Tags"] == ["a": "b"] && reply.json["Concurrency"] == nil)
      }
    }
  }

  @Test func `the code can be fetched without a signature, for a while and unchanged`() async throws {
    try await TestServer.with(authentication: .signatureV4(CredentialStore([TestServer.key]))) { server in
      let caller = Principal(owner: TestServer.owner, name: "test")
      let created = await server.service.respond(
        to: .init(method: .post, scheme: nil, authority: nil, path: Self.functions), body: Deployment.body("hello").encoded(), as: caller)
      #expect(created.head.status.code == 201)
      let reply = await server.service.respond(
        to: .init(method: .get, scheme: nil, authority: nil, path: Self.functions + "/hello"), body: .init(), as: caller,
        baseURL: "http://127.0.0.1:\(server.port)")
      let location = try #require(try JSONValue(parsing: reply.body)["Code"]?["Location"]?.string)
      let base = "http://127.0.0.1:\(server.port)"
      #expect(location.hasPrefix(base))
      let path = String(location.dropFirst(base.count))
      try await RawConnection.with(port: server.port) { connection in
        let zip = try await connection.request("GET", path)
        #expect(zip.status == 200 && zip.body.hasPrefix("PK"))
        #expect(try await connection.request("GET", path + "0").status == 403)
        #expect(try await connection.request("GET", path.replacing("expires=", with: "expires=9")).status == 403)
        #expect(try await connection.request("GET", Self.functions).errorType == "MissingAuthenticationTokenException")
      }
    }
  }

  @Test func `an update is in progress in the answer and done at the first poll`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        try await Deployment.create("hello", over: &connection)
        let before = try await connection.request("GET", "\(Self.functions)/hello/configuration").json
        let updated = try await connection.request(
          "PUT", "\(Self.functions)/hello/configuration", json: ["Timeout": .integer(9), "MemorySize": .integer(256)])
        #expect(updated.status == 200)
        #expect(updated.json["State"] == "Active" && updated.json["LastUpdateStatus"] == "InProgress")
        #expect(updated.json["Timeout"] == .integer(9) && updated.json["Handler"] == "app.handler")
        let after = try await connection.request("GET", "\(Self.functions)/hello/configuration").json
        #expect(after["LastUpdateStatus"] == "Successful" && after["MemorySize"] == .integer(256))
        #expect(Set([before, updated.json, after].map { $0["RevisionId"] }).count == 3)
        #expect(server.invoker.changed == [FunctionID(owner: TestServer.owner, name: "hello")])
      }
    }
  }

  @Test func `code is replaced, or only tried with DryRun`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        let created = try await Deployment.create("hello", over: &connection)
        let zip = JSONValue.string(Zip.base64(["app.py": "changed"]))
        let tried = try await connection.request(
          "PUT", "\(Self.functions)/hello/code", json: ["ZipFile": zip, "DryRun": .bool(true)])
        #expect(tried.status == 200 && tried.json["CodeSha256"] != created.json["CodeSha256"])
        let unchanged = try await connection.request("GET", "\(Self.functions)/hello/configuration")
        #expect(unchanged.json["CodeSha256"] == created.json["CodeSha256"])
        let replaced = try await connection.request("PUT", "\(Self.functions)/hello/code", json: ["ZipFile": zip])
        #expect(replaced.json["CodeSha256"] == tried.json["CodeSha256"] && replaced.json["LastUpdateStatus"] == "InProgress")
      }
    }
  }

  @Test func `a stale revision id fails the precondition`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        let created = try await Deployment.create("hello", over: &connection)
        let stale = created.json["RevisionId"] ?? .null
        for reply in [
          try await connection.request("PUT", "\(Self.functions)/hello/configuration", json: ["RevisionId": stale]),
          try await connection.request(
            "PUT", "\(Self.functions)/hello/code", json: ["RevisionId": stale, "ZipFile": .string(Zip.base64(["a": "b"]))]),
        ] {
          #expect(reply.status == 412 && reply.errorType == "PreconditionFailedException")
          #expect(reply.message?.hasPrefix("The Revision Id provided does not match the latest Revision Id.") == true)
        }
      }
    }
  }

  @Test func `a name is taken once, and free again after deletion`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        try await Deployment.create("hello", over: &connection)
        let again = try await Deployment.create("hello", over: &connection)
        #expect(again.status == 409 && again.json == ["Type": "User", "message": "Function already exist: hello"])
        let deleted = try await connection.request("DELETE", "\(Self.functions)/hello")
        #expect(deleted.status == 204 && deleted.body.isEmpty)
        let missing = try await connection.request("DELETE", "\(Self.functions)/hello")
        #expect(
          missing.json
            == ["Type": "User", "Message": "Function not found: arn:aws:lambda:us-east-1:000000000000:function:hello"])
        #expect(try await Deployment.create("hello", over: &connection).status == 201)
      }
    }
  }

  @Test func `lists are paged by marker`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        for name in ["c", "a", "e", "b", "d"] { try await Deployment.create(name, over: &connection) }
        var names: [String] = []
        var target = "\(Self.functions)?MaxItems=2"
        for _ in 0..<3 {
          let reply = try await connection.request("GET", target)
          names += (reply.json["Functions"]?.array ?? []).compactMap { $0["FunctionName"]?.string }
          guard let marker = reply.json["NextMarker"]?.string else { break }
          target = "\(Self.functions)?MaxItems=2&Marker=\(PercentCoding.encode(marker.utf8))"
        }
        #expect(names == ["a", "b", "c", "d", "e"])
        let all = try await connection.request("GET", "\(Self.functions)/?FunctionVersion=ALL")
        #expect(all.json["Functions"]?.array?.first?["FunctionArn"]?.string?.hasSuffix(":a:$LATEST") == true)
        #expect(all.json["Functions"]?.array?.first?["State"] == nil && all.json["NextMarker"] == nil)
        let tooMany = try await connection.request("GET", "\(Self.functions)?MaxItems=10001")
        #expect(tooMany.errorType == "ValidationException")
      }
    }
  }

  @Test func `what clients ask for in passing is answered`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        try await Deployment.create("hello", over: &connection)
        let versions = try await connection.request("GET", "\(Self.functions)/hello/versions?MaxItems=10000")
        #expect(versions.json["Versions"]?.array?.map { $0["Version"] } == ["$LATEST"])
        #expect(try await connection.request("GET", "/2019-09-30/functions/hello/concurrency").body == "{}")
        #expect(try await connection.request("DELETE", "/2017-10-31/functions/hello/concurrency").status == 204)
        let signing = try await connection.request("GET", "/2020-06-30/functions/hello/code-signing-config")
        #expect(signing.status == 200 && signing.json == ["FunctionName": "hello"])
        let policy = try await connection.request("GET", "\(Self.functions)/hello/policy")
        #expect(policy.status == 404 && policy.message == "The resource you requested does not exist.")
        let account = try await connection.request("GET", "/2016-08-19/account-settings")
        #expect(account.json["AccountUsage"]?["FunctionCount"] == .integer(1))
        #expect(account.json["AccountLimit"]?["ConcurrentExecutions"] == .integer(1_000))
      }
    }
  }

  @Test func `tags are set, listed and removed`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        try await Deployment.create("hello", over: &connection)
        let tags = "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Ahello"
        #expect(try await connection.request("POST", tags, json: ["Tags": ["b": "2", "a": "1", "c": ""]]).status == 204)
        #expect(try await connection.request("DELETE", tags + "?tagKeys=b&tagKeys=c").status == 204)
        #expect(try await connection.request("GET", tags).json == ["Tags": ["a": "1"]])
        let none = try await connection.request("POST", tags, json: ["Tags": [:]])
        #expect(none.message == "An error occurred and the request cannot be processed.")
        var many = JSONObject()
        for index in 0..<50 { many.add("k\(index)", "v") }
        #expect(try await connection.request("POST", tags, json: ["Tags": .object(many)]).status == 400)
      }
    }
  }

  @Test func `an unknown operation is answered in JSON`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        for (method, target) in [("GET", "/"), ("POST", "\(Self.functions)/hello/nothing"), ("PATCH", Self.functions), ("GET", "/x?y=z")] {
          let reply = try await connection.request(method, target)
          #expect(reply.status == 404 && reply.errorType == "UnknownOperationException")
          #expect(reply.fields["content-type"] == "application/json" && reply.message != nil)
        }
      }
    }
  }
}
