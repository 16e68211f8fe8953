import FoundationEssentials
import Testing

@testable import roost

@Suite struct FunctionCommandTests {
  static let configuration = """
    {"FunctionName":"f","FunctionArn":"arn:aws:lambda:us-east-1:000000000000:function:f","Runtime":"python3.11",
     "Handler":"app.handler","Role":"arn:aws:iam::000000000000:role/roost","MemorySize":256,"Timeout":3,"CodeSize":1234,
     "CodeSha256":"qqq=","State":"STATE","LastUpdateStatus":"UPDATE","LastModified":"2026-11-23T13:05:09.042+0000",
     "EphemeralStorage":{"Size":512},"Environment":{"Variables":{"B":"2","A":"1=1"}},"Novelty":{"Kept":[1.5,null,true]}}
    """

  static func function(_ state: String, update: String = "Successful") -> String {
    configuration.replacing("STATE", with: state).replacing("UPDATE", with: update)
  }

  @Test func `listing follows every page`() async throws {
    let first = FakeDaemon.Answer(body: #"{"Functions":[\#(Self.function("Active"))],"NextMarker":"a b"}"#)
    let second = FakeDaemon.Answer(
      body: #"{"Functions":[\#(Self.function("Pending", update: "InProgress").replacing("\"f\"", with: "\"g\""))]}"#)
    let answers = ["GET /2015-03-31/functions": [first], "GET /2015-03-31/functions?Marker=a%20b": [second]]
    try await FakeDaemon.serving(answers) { daemon in
      try expectGolden("functions", try await CommandRun.roost("functions", on: daemon).output)
      #expect(try await CommandRun.roost("functions", "list", "-q", on: daemon).output == "f\ng\n")
    }
  }

  @Test func `JSON keeps members that this program does not know`() async throws {
    let answers = ["GET /2015-03-31/functions/f/configuration": [FakeDaemon.Answer(body: Self.function("Active"))]]
    try await FakeDaemon.serving(answers) { daemon in
      try expectGolden("functions-show-json", try await CommandRun.roost("functions", "show", "f", "--output", "json", on: daemon).output)
      try expectGolden("functions-show", try await CommandRun.roost("functions", "show", "f", on: daemon).output)
    }
  }

  @Test func `create sends what was given and waits until the function is active`() async throws {
    let answers = [
      "POST /2015-03-31/functions": [FakeDaemon.Answer(status: 201, body: Self.function("Pending"))],
      "GET /2015-03-31/functions/f/configuration": ["Pending", "Pending", "Active"].map {
        FakeDaemon.Answer(body: Self.function($0))
      },
    ]
    try await FakeDaemon.serving(answers) { daemon in
      let zip = "\(daemon.stateDirectory)/code.zip"
      try Data("PK".utf8).write(to: URL(filePath: zip))
      let run = try await CommandRun.roost(
        "functions", "create", "f", "--zip", zip, "--handler", "app.handler", "--runtime", "python3.11", "--memory", "256", "--env",
        "A=1=1",
        "--env", "B=2", "--layer", "arn:l:1", "-q", on: daemon)
      #expect(run.output == "arn:aws:lambda:us-east-1:000000000000:function:f\n" && run.code == 0, "\(run)")
      let sent = try JSONDecoder().decode(JSONValue.self, from: Data(try #require(daemon.requests.first).body.utf8))
      #expect(
        sent
          == .object([
            "FunctionName": .string("f"), "Handler": .string("app.handler"), "Runtime": .string("python3.11"), "MemorySize": .integer(256),
            "Role": .string(FunctionsCreateCommand.defaultRole), "Code": .object(["ZipFile": .string("UEs=")]),
            "Layers": .array([.string("arn:l:1")]),
            "Environment": .object(["Variables": .object(["A": .string("1=1"), "B": .string("2")])]),
          ]))
      #expect(daemon.requestLines.count == 4)
    }
  }

  @Test func `a deployment that fails is told with its reason`() async throws {
    let failed = Self.function("Failed").replacing("\"State\"", with: #""StateReason":"no image for python9","State""#)
    let answers = [
      "PUT /2015-03-31/functions/f/configuration": [FakeDaemon.Answer(body: failed)],
      "GET /2015-03-31/functions/f/configuration": [FakeDaemon.Answer(body: failed)],
    ]
    try await FakeDaemon.serving(answers) { daemon in
      let run = try await CommandRun.roost("functions", "update", "f", "--timeout", "5", on: daemon)
      #expect(run.code == 1 && run.talk == "roost: f could not be deployed: no image for python9\n", "\(run)")
    }
  }

  @Test func `update changes the configuration before the code`() async throws {
    let active = FakeDaemon.Answer(body: Self.function("Active"))
    let answers = [
      "PUT /2015-03-31/functions/f/configuration": [active], "PUT /2015-03-31/functions/f/code": [active],
      "GET /2015-03-31/functions/f/configuration": [FakeDaemon.Answer(body: Self.function("Active"))],
    ]
    try await FakeDaemon.serving(answers) { daemon in
      try Data("x = 1\n".utf8).write(to: URL(filePath: "\(daemon.stateDirectory)/run/app.py"))
      let tree = "\(daemon.stateDirectory)/tree"
      try FileManager.default.createDirectory(atPath: tree, withIntermediateDirectories: false)
      try Data("x = 1\n".utf8).write(to: URL(filePath: "\(tree)/app.py"))
      let run = try await CommandRun.roost("functions", "update", "f", "--directory", tree, "--timeout", "5", on: daemon)
      #expect(run.code == 0, "\(run)")
      #expect(
        daemon.requestLines.filter { $0.hasPrefix("PUT") } == [
          "PUT /2015-03-31/functions/f/configuration", "PUT /2015-03-31/functions/f/code",
        ])
      #expect(daemon.requests.first?.body.contains("\"Timeout\" : 5") == true)
    }
  }

  @Test func `layers are published, listed, shown and deleted`() async throws {
    let version = #"{"LayerVersionArn":"arn:l:3","Version":3,"CreatedDate":"2026-11-23T13:05:09.042+0000","Content":{"CodeSize":5000}}"#
    let answers = [
      "GET /2018-10-31/layers": [FakeDaemon.Answer(body: #"{"Layers":[{"LayerName":"l","LatestMatchingVersion":\#(version)}]}"#)],
      "GET /2018-10-31/layers/l/versions": [.init(body: #"{"LayerVersions":[\#(version)]}"#)],
      "GET /2018-10-31/layers/l/versions/3": [.init(body: version)], "DELETE /2018-10-31/layers/l/versions/3": [.init(status: 204)],
      "POST /2018-10-31/layers/l/versions": [.init(status: 201, body: version)],
    ]
    try await FakeDaemon.serving(answers) { daemon in
      let zip = "\(daemon.stateDirectory)/l.zip"
      try Data("PK".utf8).write(to: URL(filePath: zip))
      #expect(try await CommandRun.roost("layers", "publish", "l", "--zip", zip, "-q", on: daemon).output == "arn:l:3\n")
      try expectGolden("layers", try await CommandRun.roost("layers", on: daemon).output)
      try expectGolden("layers-show", try await CommandRun.roost("layers", "show", "l", on: daemon).output)
      try expectGolden("layers-show-version", try await CommandRun.roost("layers", "show", "l", "3", on: daemon).output)
      #expect(try await CommandRun.roost("layers", "delete", "l", "3", on: daemon).talk == "deleted version 3 of l\n")
    }
  }
}
