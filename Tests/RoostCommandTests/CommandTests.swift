import FoundationEssentials
import FunctionModel
import Testing

/// The built program against a daemon whose answers are known.
@Suite struct CommandTests {
  @Test func `ps prints one id a line with --quiet and the values themselves as JSON`() async throws {
    let answers = ["GET /admin/environments": [FakeDaemon.Answer(body: try Samples.json([Samples.running, Samples.frozen]))]]
    try await FakeDaemon.serving(answers) { daemon in
      let quiet = try await CommandRun.roost("ps", "--quiet", on: daemon)
      #expect(quiet.output == "\(Samples.running.id)\n\(Samples.frozen.id)\n")
      let json = try await CommandRun.roost("ps", "--output", "json", on: daemon)
      let decoded = try JSONDecoder().decode([EnvironmentStatus].self, from: Data(json.output.utf8))
      #expect(Set(decoded) == [Samples.running, Samples.frozen])
      #expect(json.code == 0 && json.talk == "")
    }
  }

  @Test func `options may stand before the command or after it`() async throws {
    try await FakeDaemon.serving(["GET /admin/environments": [.init(body: "[]")]]) { daemon in
      for arguments in [["--state-dir", daemon.stateDirectory, "ps", "-q"], ["ps", "-q", "--state-dir", daemon.stateDirectory]] {
        let run = try await CommandRun.roost(arguments, stateDirectory: "/nowhere")
        #expect(run.code == 0 && run.output == "" && run.talk == "", "\(arguments): \(run)")
      }
    }
  }

  @Test func `invocations as a table, as JSON and filtered`() async throws {
    let records = [Samples.throttled, Samples.timedOut, Samples.cold]
    let answer = FakeDaemon.Answer(body: try Samples.json(records))
    let answers = ["GET /admin/invocations?limit=20": [answer], "GET /admin/invocations?limit=5&function=a%2Fb": [answer]]
    try await FakeDaemon.serving(answers) { daemon in
      try expectGolden("invocations", try await CommandRun.roost("invocations", on: daemon).output)
      try expectGolden("invocations-json", try await CommandRun.roost("invocations", "list", "--output", "json", on: daemon).output)
      let filtered = try await CommandRun.roost("invocations", "--function", "a/b", "--limit", "5", "-q", on: daemon)
      #expect(filtered.output.split(separator: "\n").map(String.init) == records.map(\.requestID))
    }
  }

  @Test func `invocations show draws the phases`() async throws {
    let answers = ["GET /admin/invocations/8e0c": [FakeDaemon.Answer(body: try Samples.json(Samples.cold))]]
    try await FakeDaemon.serving(answers) { daemon in
      try expectGolden("invocations-show", try await CommandRun.roost("invocations", "show", "8e0c", on: daemon).output)
    }
  }

  @Test func `invoke prints the answer to stdout and the log to stderr`() async throws {
    let tail = Data("START RequestId: x\nREPORT RequestId: x\n".utf8).base64EncodedString()
    let answer = FakeDaemon.Answer(headers: ["X-Amz-Log-Result": tail], body: #"{"grüße":1}"#)
    try await FakeDaemon.serving(["POST /2015-03-31/functions/f/invocations": [answer]]) { daemon in
      let run = try await CommandRun.roost("invoke", "f", "--log", "--payload", "-", on: daemon, input: #"{"n":2}"#)
      #expect(run.output == "{\"grüße\":1}\n")
      #expect(run.talk == "START RequestId: x\nREPORT RequestId: x\n")
      #expect(run.code == 0)
      let request = try #require(daemon.requests.first)
      #expect(request.body == #"{"n":2}"# && request.headers["X-Amz-Log-Type"] == "Tail")
    }
  }

  @Test func `a payload may come from a file`() async throws {
    try await FakeDaemon.serving(["POST /2015-03-31/functions/f/invocations": [.init(body: "null")]]) { daemon in
      let file = "\(daemon.stateDirectory)/event.json"
      try Data("[1,2]".utf8).write(to: URL(filePath: file))
      #expect(try await CommandRun.roost("invoke", "f", "--payload", "@\(file)", on: daemon).output == "null\n")
      #expect(daemon.requests.map(\.body) == ["[1,2]"])
    }
  }

  @Test func `a function's error is exit code 1, and its payload still the output`() async throws {
    let answer = FakeDaemon.Answer(headers: ["X-Amz-Function-Error": "Unhandled"], body: #"{"errorType":"KeyError"}"#)
    try await FakeDaemon.serving(["POST /2015-03-31/functions/f/invocations": [answer]]) { daemon in
      let run = try await CommandRun.roost("invoke", "f", on: daemon)
      #expect(run.code == 1 && run.output == "{\"errorType\":\"KeyError\"}\n")
      try expectGolden("error-function", run.talk)
    }
  }

  @Test func `logs of a function, and only their text with --quiet`() async throws {
    let page = LogPage(records: Samples.logs, cursor: 7)
    let answers = ["GET /admin/logs?function=thumbnails&limit=100": [FakeDaemon.Answer(body: try Samples.json(page))]]
    try await FakeDaemon.serving(answers) { daemon in
      try expectGolden("logs", try await CommandRun.roost("logs", "thumbnails", on: daemon).output)
      let quiet = try await CommandRun.roost("logs", "thumbnails", "-q", on: daemon)
      #expect(quiet.output.hasSuffix("resized 3 images\n"))
    }
  }

  @Test func `following goes on behind the last line until the daemon ends`() async throws {
    let first = FakeDaemon.Answer(body: try Samples.json(LogPage(records: [Samples.logs[0]], cursor: 7)))
    let second = FakeDaemon.Answer(body: try Samples.json(LogPage(records: [Samples.logs[1]], cursor: 9)))
    let answers = [
      "GET /admin/logs?function=f&limit=100": [first], "GET /admin/logs?function=f&limit=1000&after=7": [second],
      "GET /admin/logs?function=f&limit=1000&after=9": [FakeDaemon.Answer(status: 500, body: #"{"message":"over"}"#)],
    ]
    try await FakeDaemon.serving(answers) { daemon in
      let run = try await CommandRun.roost("logs", "f", "--follow", "--quiet", on: daemon)
      #expect(run.output == Samples.logs.map { $0.message + "\n" }.joined())
      #expect(run.code == 70 && run.talk.hasPrefix("roost: over\n"))
    }
  }

  @Test func `stop ends each environment named`() async throws {
    let answers = ["DELETE /admin/environments/6f1c": [FakeDaemon.Answer(status: 204)]]
    try await FakeDaemon.serving(answers) { daemon in
      let run = try await CommandRun.roost("stop", "6f1c", "a03b", on: daemon)
      #expect(daemon.requestLines == ["DELETE /admin/environments/6f1c", "DELETE /admin/environments/a03b"])
      #expect(run.code == 2 && run.talk.hasPrefix("stopped 6f1c\nroost: "))
    }
  }
}
