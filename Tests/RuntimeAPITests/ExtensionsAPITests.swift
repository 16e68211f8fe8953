import NIOCore
import Testing

@testable import RuntimeAPI

/// The Extensions API as an extension sees it, over raw sockets.
@Suite(.timeLimit(.minutes(1))) struct ExtensionsAPITests {
  static func call(_ method: String, _ path: String, _ fields: String = "", _ body: String = "") -> String {
    "\(method) /2020-01-01/extension/\(path) HTTP/1.1\r\nHost: sandbox\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  static func register(_ name: String, _ events: String = #"{"events":["INVOKE","SHUTDOWN"]}"#, _ fields: String = "") -> String {
    call("POST", "register", "Lambda-Extension-Name: \(name)\r\n\(fields)", events)
  }

  static func next(_ identifier: String) -> String {
    call("GET", "event/next", "Lambda-Extension-Identifier: \(identifier)\r\n")
  }

  static func error(_ path: String, _ identifier: String, type: String = "Extension.Broken") -> String {
    call("POST", path, "Lambda-Extension-Identifier: \(identifier)\r\nLambda-Extension-Function-Error-Type: \(type)\r\n", "{}")
  }

  static func refusal(_ type: String, _ message: String) -> String { "{\"errorMessage\":\"\(message)\",\"errorType\":\"\(type)\"}\n" }

  static let event = RuntimeEvent.numbered(1)

  @Test func `an extension registers, hears of an invocation and of the end`() async throws {
    try await Sandbox.serving(.sample(["collector"])) { sandbox in
      var client = try await sandbox.client()
      try await client.send(Self.register("collector"))
      let registered = try await client.response()
      let identifier = try #require(registered["Lambda-Extension-Identifier"])
      #expect(InvocationNonce(parsing: identifier) != nil)
      #expect(registered.status == 200)
      #expect(registered.body == #"{"functionName":"f","functionVersion":"$LATEST","handler":"a.b"}"# + "\n")
      #expect(await sandbox.hears() == .told(.registered(name: "collector")))

      try await client.send(Self.next(identifier.uppercased()))
      #expect(await sandbox.hears() == .told(.ready(name: "collector")))
      try await sandbox.deliver(Self.event)
      let invoke = try await client.response()
      #expect(invoke["Lambda-Extension-Event-Identifier"].flatMap { InvocationNonce(parsing: $0) } != nil)
      #expect(invoke["Content-Type"] == "application/json")
      #expect(
        invoke.body == #"{"eventType":"INVOKE","deadlineMs":1542409706888,"requestId":"\#(Self.event.requestID)","#
          + #""invokedFunctionArn":"arn:aws:lambda:us-east-1:000000000000:function:f","#
          + #""tracing":{"type":"X-Amzn-Trace-Id","value":"\#(Self.event.traceID)"}}"#)
      #expect(try await sandbox.busy() == ["collector"])

      try await client.send(Self.next(identifier))
      #expect(await sandbox.hears() == .told(.ready(name: "collector")))
      #expect(try await sandbox.busy() == [])
      try await sandbox.shutDown(.timeout, deadline: 7)
      let shutdown = try await client.response()
      #expect(shutdown["Lambda-Extension-Event-Identifier"] == nil)
      #expect(shutdown.body == #"{"eventType":"SHUTDOWN","deadlineMs":7,"shutdownReason":"timeout"}"#)
    }
  }

  @Test func `the account is told to who accepts it`() async throws {
    try await Sandbox.serving { sandbox in
      var client = try await sandbox.client()
      try await client.send(Self.register("in", "{}", "Lambda-Extension-Accept-Feature: other, accountId\r\n"))
      let answer = try await client.response().body
      #expect(answer == #"{"functionName":"f","functionVersion":"$LATEST","handler":"a.b","accountId":"000000000000"}"# + "\n")
    }
  }

  @Test func `an event is not lost with the connection that waits for it`() async throws {
    try await Sandbox.serving(.sample(["collector"])) { sandbox in
      var client = try await sandbox.client()
      try await client.send(Self.register("collector"))
      let identifier = try #require(try await client.response()["Lambda-Extension-Identifier"])
      try await client.send(Self.next(identifier))
      #expect(await sandbox.hears() == .told(.registered(name: "collector")))
      #expect(await sandbox.hears() == .told(.ready(name: "collector")))
      try await client.closeOutput()
      #expect(await client.rest() == "")
      try await sandbox.deliver(Self.event)
      #expect(try await sandbox.busy() == ["collector"])
      var second = try await sandbox.client()
      try await second.send(Self.next(identifier))
      #expect(try await second.response().body.contains(Self.event.requestID))
    }
  }

  @Test func `a failure is accepted and told once`() async throws {
    try await Sandbox.serving(.sample(["collector"])) { sandbox in
      var client = try await sandbox.client()
      try await client.send(Self.register("collector"))
      let identifier = try #require(try await client.response()["Lambda-Extension-Identifier"])
      for _ in 1...2 {
        try await client.send(Self.error("init/error", identifier))
        let answer = try await client.response()
        #expect(answer.status == 202)
        #expect(answer.body == "{\"status\":\"OK\"}\n")
      }
      try await client.send(Self.next(identifier))
      #expect(
        try await client.response().body
          == Self.refusal(
            "Extension.InvalidExtensionState",
            "State transition from InitError to Ready failed for extension collector. Error: State transition is not allowed"))
      try await client.send(Self.register("last", "{}"))
      _ = try await client.response()
      #expect(await sandbox.hears() == .told(.registered(name: "collector")))
      #expect(
        await sandbox.hears() == .told(.failed(name: "collector", errorType: "Extension.InitError", sent: "Extension.Broken")))
      #expect(await sandbox.hears() == .told(.registered(name: "last")))
    }
  }

  @Test func `nobody registers after the runtime's first next`() async throws {
    try await Sandbox.serving { sandbox in
      let runtime = try await sandbox.client()
      try await runtime.send(Call.next)
      #expect(await sandbox.hears() == .ready)
      try await runtime.closeOutput()
      var client = try await sandbox.client()
      try await client.send(Self.register("in", "{}"))
      #expect(try await client.response().body == Self.refusal("Extension.RegistrationClosed", "Extension registration closed already"))
    }
  }

  static let stranger = "8476a536-e9f4-11e8-9739-2dfe598c3f00"
  static let refusals: [(request: String, type: String, message: String)] = [
    (call("POST", "register", "", "{}"), "Extension.InvalidExtensionName", "Empty extension name"),
    (register(String(repeating: "n", count: 129)), "Extension.InvalidExtensionName", "Extension name is too long"),
    (register("in", "{"), "InvalidRequestFormat", "body is not the JSON of a registration"),
    (register("in", #"{"events":1}"#), "InvalidRequestFormat", "body is not the JSON of a registration"),
    (
      register("in", #"{"configurationKeys":["a"]}"#), "InvalidRequestFormat",
      "configurationKeys are deprecated; use environment variables instead"
    ),
    (
      register("in", #"{"events":[],"pad":""# + String(repeating: " ", count: 16_384) + "\"}"), "InvalidRequestFormat",
      "body of more than 16384 bytes"
    ),
    (register("in", #"{"events":["\"\n"]}"#), "Extension.InvalidEventType", #"\"\u000a: unknown event"#),
    (register("in"), "Extension.InvalidEventType", "SHUTDOWN: event is not supported for internal extensions"),
    (call("GET", "event/next"), "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"),
    (next("x"), "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"),
    (next(stranger), "Extension.UnknownExtensionIdentifier", "Unknown extension \(stranger)"),
    (error("exit/error", stranger), "Extension.UnknownExtensionIdentifier", "Unknown extension \(stranger)"),
    (error("init/error", stranger, type: ""), "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found"),
  ]

  @Test(arguments: refusals) func `a refusal is 403 and says why`(row: (request: String, type: String, message: String)) async throws {
    try await Sandbox.serving { sandbox in
      var client = try await sandbox.client()
      try await client.send(row.request)
      let answer = try await client.response()
      #expect(answer.status == 403)
      #expect(answer["Content-Type"] == "application/json")
      #expect(answer.body == Self.refusal(row.type, row.message))
    }
  }

  @Test func `a wrong method is told the right one`() async throws {
    try await Sandbox.serving { sandbox in
      var client = try await sandbox.client()
      try await client.send(Self.call("GET", "register") + Self.call("POST", "event/next"))
      for allowed in ["POST", "GET"] {
        let answer = try await client.response()
        #expect(answer.status == 405)
        #expect(answer["Allow"] == allowed)
      }
    }
  }
}

extension Sandbox {
  func shutDown(_ reason: ShutdownReason, deadline: Int64) async throws {
    try await eventLoop.submit { [server] in server.shutDown(reason, deadline: deadline) }.get()
  }

  func busy() async throws -> [String] {
    try await eventLoop.submit { [server] in server.extensions.filter(\.isBusy).map(\.name) }.get()
  }
}
