import FoundationEssentials
import FunctionModel
import Hummingbird
import NIOHTTP1
import Synchronization
import Testing

@testable import AdminAPI
@testable import roost

/// The server over a real socket, spoken to by the command line's own client.
@Suite struct AdminServerTests {
  static let first = "aaaa1111-0000-4000-8000-000000000001"
  static let second = "aaaa2222-0000-4000-8000-000000000002"
  static let third = "bbbb0000-0000-4000-8000-000000000003"

  @Test func `environments, host and invocations are the values themselves`() async throws {
    let contents = FakeBackend.Contents(
      live: [Samples.status(Self.first)], invocations: [Samples.invocation(Self.third, environment: Self.first)])
    try await ServedSocket.serving(contents) { served, backend in
      let environments = try await served.client.environments()
      #expect(environments == contents.live)
      let host = try await served.client.host()
      #expect(host == backend.hostFacts())
      let invocations = try await served.client.invocations(function: nil, limit: 20)
      #expect(invocations == contents.invocations)
    }
  }

  @Test func `the beginning of an id is enough where it is the only one`() async throws {
    let contents = FakeBackend.Contents(
      live: [Samples.status(Self.first)], ended: [Samples.record(Self.first), Samples.record(Self.second)],
      invocations: [Samples.invocation(Self.third, environment: Self.first)])
    try await ServedSocket.serving(contents) { served, _ in
      let live = try await served.client.inspection(environment: "aaaa1")
      #expect(live == EnvironmentInspection(status: contents.live[0], record: contents.ended[0], invocations: contents.invocations))
      let ended = try await served.client.inspection(environment: Self.second)
      #expect(ended == EnvironmentInspection(status: nil, record: contents.ended[1], invocations: []))
      let invocation = try await served.client.invocation(requestID: "bbbb")
      #expect(invocation == contents.invocations[0])
      let ambiguous = await #expect(throws: CommandFailure.self) { try await served.client.inspection(environment: "aaaa") }
      #expect(ambiguous?.message == "aaaa is the beginning of 2 environments; give more of it")
      let unknown = await #expect(throws: CommandFailure.self) { try await served.client.invocation(requestID: "cccc") }
      #expect(unknown?.status == .notFound && unknown?.message == "no invocation cccc")
    }
  }

  @Test func `an environment is stopped once`() async throws {
    try await ServedSocket.serving(.init(live: [Samples.status(Self.first)])) { served, backend in
      try await served.client.stop(environment: "aaaa")
      #expect(backend.environments() == [])
      let again = await #expect(throws: CommandFailure.self) { try await served.client.stop(environment: Self.first) }
      #expect(again?.status == .notFound)
    }
  }

  @Test func `a function is named by name or ARN, and pages are asked for`() async throws {
    let contents = FakeBackend.Contents(functions: [Samples.function])
    try await ServedSocket.serving(contents) { served, backend in
      let names = ["f", "arn:aws:lambda:us-east-1:000000000000:function:f", "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST"]
      for name in names { _ = try await served.client.invocations(function: name, limit: 7) }
      #expect(backend.asked.withLock { $0 } == Array(repeating: "\(Samples.function.arn) 7 -", count: 3))
      let page = try await served.client.send(AdminRequest(.GET, "/admin/invocations?before=12"))
      #expect(page.status == 200 && backend.asked.withLock { $0.last } == "- 20 12")
      let unknown = await #expect(throws: CommandFailure.self) { try await served.client.invocations(function: "typo", limit: 7) }
      #expect(unknown?.status == .notFound && unknown?.message.contains("function:typo") == true)
    }
  }

  @Test func `a log is followed by its cursor`() async throws {
    let contents = FakeBackend.Contents(logs: ["a", "b", "c"].map(Samples.log), functions: [Samples.function])
    try await ServedSocket.serving(contents) { served, _ in
      let tail = try await served.client.logs(function: "f", after: nil, limit: 2)
      #expect(tail.records.map(\.message) == ["b", "c"])
      let next = try await served.client.logs(function: "f", after: tail.cursor, limit: 2)
      #expect(next == LogPage(records: [], cursor: 3))
    }
  }

  @Test(arguments: [
    "/admin/invocations?limit=0", "/admin/invocations?limit=1001", "/admin/invocations?limit=x", "/admin/invocations?before=soon",
    "/admin/invocations?function=arn:aws:s3:::bucket", "/admin/logs", "/admin/logs?function=f&after=-", "/admin/invocations?function=",
  ])
  func `a query that makes no sense is refused with a sentence`(target: String) async throws {
    try await ServedSocket.serving { served, _ in
      let response = try await served.client.send(AdminRequest(.GET, target))
      let body = try JSONDecoder().decode([String: String].self, from: Data(response.body))
      #expect(response.status == 400 && body["message"]?.isEmpty == false)
    }
  }

  @Test func `what the journal could not do is told as it says it`() async throws {
    try await ServedSocket.serving { served, _ in
      let failure = await #expect(throws: CommandFailure.self) { try await served.client.logs(function: "broken", after: nil, limit: 1) }
      #expect(failure?.status == .software && failure?.message == "read log in journal.sqlite: disk I/O error")
    }
  }

  @Test func `an unknown path is JSON too`() async throws {
    try await ServedSocket.serving { served, _ in
      let response = try await served.client.send(AdminRequest(.GET, "/admin/nonsense"))
      #expect(response.status == 404 && String(decoding: response.body, as: UTF8.self) == #"{"message":"no such path: \/admin\/nonsense"}"#)
    }
  }

  @Test func `AWS's paths stand beside the admin paths`() async throws {
    let mount: @Sendable (Router<AdminRequestContext>) -> Void = { router in
      router.get("/2015-03-31/functions") { _, _ in #"{"Functions":[]}"# }
    }
    try await ServedSocket.serving(mount: mount) { served, _ in
      let functions = try await served.client.functions()
      #expect(functions == [])
    }
  }

  @Test func `the socket replaces a stale one, is the group's to use, and goes away at the end`() async throws {
    let path = Mutex<String?>(nil)
    try await ServedSocket.serving(staleSocket: true) { served, _ in
      path.withLock { $0 = served.path }
      _ = try await served.client.host()
      let mode = try FileManager.default.attributesOfItem(atPath: served.path)[.posixPermissions] as? Int
      #expect(mode == 0o660)
    }
    #expect(!FileManager.default.fileExists(atPath: try #require(path.withLock { $0 })))
  }
}
