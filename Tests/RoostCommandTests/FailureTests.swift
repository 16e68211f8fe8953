import FoundationEssentials
import FunctionModel
import Testing

/// What people see when something is wrong, and what scripts branch on.
@Suite struct FailureTests {
  @Test func `no daemon is exit code 69`() async throws {
    let run = try await CommandRun.roost(["ps"], stateDirectory: "/nonexistent/state")
    #expect(run.code == 69 && run.output == "")
    try expectGolden("error-no-daemon", run.talk)
  }

  @Test func `a socket that nobody serves is no daemon either`() async throws {
    let directory = try await FakeDaemon.serving([:]) { $0.stateDirectory }
    #expect(try await CommandRun.roost(["ps"], stateDirectory: directory).code == 69)
  }

  @Test func `a state directory too long for a socket is told so`() async throws {
    let directory = "/" + String(repeating: "d", count: 120)
    let run = try await CommandRun.roost(["ps"], stateDirectory: directory)
    #expect(run.code == 64)
    #expect(run.talk.split(separator: "\n").count == 2 && run.talk.contains("107"), "\(run.talk)")
  }

  @Test(arguments: [
    (["nonsense"], "usage-command"), (["ps", "--output", "xml"], "usage-value"), (["inspect"], "usage-argument"),
    (["functions", "create", "f"], "usage-code"), (["invocations", "--limit", "0"], "usage-limit"),
    (["functions", "update", "f", "--env", "novalue"], "usage-variable"), (["invoke", "f", "--payload", "@/nonexistent"], "usage-file"),
  ])
  func `wrong usage is exit code 64, one line and a hint`(arguments: [String], golden: String) async throws {
    let run = try await CommandRun.roost(arguments, stateDirectory: "/nonexistent/state")
    #expect(run.code == 64 && run.output == "")
    #expect((1...2).contains(run.talk.split(separator: "\n").count))
    try expectGolden("error-\(golden)", run.talk)
  }

  @Test(
    arguments: [
      (403, 77), (404, 2), (409, 64), (400, 64), (429, 1), (500, 70), (503, 70),
    ] as [(Int, Int32)])
  func `each status has its exit code`(status: Int, code: Int32) async throws {
    let answer = FakeDaemon.Answer(status: status, headers: ["x-amzn-ErrorType": "SomeException"], body: #"{"Message":"because"}"#)
    try await FakeDaemon.serving(["GET /admin/environments": [answer]]) { daemon in
      let run = try await CommandRun.roost("ps", on: daemon)
      #expect(run.code == code && run.talk.hasPrefix("roost: because (SomeException)\n"), "\(run)")
    }
  }

  @Test(arguments: ["", "<html>", "[{]", #"{"not":"a list"}"#])
  func `an answer that is no JSON of ours is a failure of the daemon, not of the program`(body: String) async throws {
    try await FakeDaemon.serving(["GET /admin/environments": [.init(body: body)]]) { daemon in
      let run = try await CommandRun.roost("ps", on: daemon)
      #expect(run.code == 70 && run.talk.hasPrefix("roost: cannot read the daemon's answer to GET /admin/environments"), "\(run)")
    }
  }

  @Test func `version tells both versions, or one when no daemon answers`() async throws {
    let host = """
      {"version":"0.9.0","started":0,"stateDirectory":"/s","endpoint":"http://127.0.0.1:3001","owner":{"account":"0","region":"r"},
       "runtimes":[],"capacity":{"concurrencyLimit":1,"concurrencyInUse":0,"memoryBudget":{"bytes":1},"memoryCommitted":{"bytes":0},
       "diskBudget":{"bytes":1},"diskCommitted":{"bytes":0}}}
      """
    try await FakeDaemon.serving(["GET /admin/host": [.init(body: host)]]) { daemon in
      let run = try await CommandRun.roost("version", on: daemon)
      #expect(run.output == "roost 0.1.0\ndaemon 0.9.0\n")
    }
    let alone = try await CommandRun.roost(["version", "-q"], stateDirectory: "/nonexistent/state")
    #expect(alone.output == "0.1.0\n" && alone.talk == "" && alone.code == 0)
  }

  @Test func `a full disk under the result is exit code 74`() async throws {
    try await FakeDaemon.serving(["GET /admin/environments": [.init(body: try Samples.json([Samples.frozen]))]]) { daemon in
      let run = try await CommandRun.shell("roost ps -q >/dev/full", on: daemon)
      #expect(run.code == 74 && run.talk.hasPrefix("roost: cannot write the result: write standard output: ENOSPC"), "\(run)")
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `following ends when its reader goes away`() async throws {
    let page = FakeDaemon.Answer(body: try Samples.json(LogPage(records: Samples.logs, cursor: 1)))
    let answers = ["GET /admin/logs?function=f&limit=100": [page], "GET /admin/logs?function=f&limit=1000&after=1": [page]]
    try await FakeDaemon.serving(answers) { daemon in
      let run = try await CommandRun.shell("roost logs f --follow -q | head -n 1; exit ${PIPESTATUS[0]}", on: daemon)
      #expect(run.output == Samples.logs[0].message + "\n" && run.talk == "" && run.code == 0, "\(run)")
    }
  }
}
