import NIOCore
import Testing

@testable import RuntimeAPI

/// The Runtime API as a runtime sees it: one row per case, over a raw socket, every byte of the answer compared.
@Suite(.timeLimit(.minutes(1))) struct RuntimeAPITableTests {
  /// Where the sandbox stands before the row's request, which comes on a connection of its own.
  enum Situation {
    case started, ready, running, answered
    /// The first event is answered and the second running.
    case secondRunning
    case initFailed
  }

  struct Row: CustomTestStringConvertible, Sendable {
    var name: String
    var situation: Situation
    /// `{nonce}` becomes the first event's.
    var request: String
    var status: String
    var fields: String
    var body: String
    var told: [Told] = []
    var testDescription: String { name }
  }

  static let first = RuntimeEvent.numbered(1)
  static let second = RuntimeEvent.numbered(2)
  static let cause = "Content-Type: application/vnd.aws.lambda.error.cause+json\r\n"
  static let accepted = "{\"status\":\"OK\"}\n"
  static let invalidID = "{\"errorMessage\":\"Invalid request ID\",\"errorType\":\"InvalidRequestID\"}\n"

  static func transition(_ from: String, _ to: String) -> String {
    "{\"errorMessage\":\"State transition from \(from) to \(to) failed for runtime. Error: State transition is not allowed\","
      + "\"errorType\":\"InvalidStateTransition\"}\n"
  }

  static func json(
    _ name: String, _ situation: Situation, _ request: String, _ status: String, _ body: String, told: [Told] = [], close: Bool = false
  ) -> Row {
    Row(
      name: name, situation: situation, request: request, status: "HTTP/1.1 \(status)",
      fields: "Content-Type: application/json|Content-Length: \(body.utf8.count)" + (close ? "|Connection: close" : ""), body: body,
      told: told)
  }

  static func text(_ name: String, _ request: String, _ status: String, _ body: String) -> Row {
    Row(
      name: name, situation: .started, request: request, status: "HTTP/1.1 \(status)",
      fields: "Content-Type: text/plain; charset=utf-8|Content-Length: \(body.utf8.count)", body: body)
  }

  static func notAllowed(_ name: String, _ request: String, allow: String) -> Row {
    Row(
      name: name, situation: .started, request: request, status: "HTTP/1.1 405 Method Not Allowed",
      fields: "Allow: \(allow)|Content-Length: 0",
      body: "")
  }

  static func eventFields(_ event: RuntimeEvent) -> String {
    "Content-Type: application/json|Lambda-Runtime-Aws-Request-Id: \(event.requestID)|Lambda-Runtime-Deadline-Ms: 1542409706888"
      + "|Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:f|Lambda-Runtime-Trace-Id: \(event.traceID)"
      + "|Lambda-Runtime-Invocation-Id: {nonce}|Content-Length: \(event.payload.readableBytes)"
  }

  static let nextAndResponse: [Row] = [
    Row(
      name: "a second next while an invocation runs gets the same event", situation: .running, request: Call.next,
      status: "HTTP/1.1 200 OK",
      fields: eventFields(first), body: #"{"n":1}"#),
    json("next after a failed init", .initFailed, Call.next, "403 Forbidden", transition("InitError", "Ready")),
    json(
      "a response", .running, Call.response(first, "[1]"), "202 Accepted", accepted, told: [.response("[1]", contentType: nil)]),
    json(
      "a response keeps its content type", .running, Call.response(first, "<p/>", "content-type: text/html\r\n"), "202 Accepted", accepted,
      told: [.response("<p/>", contentType: "text/html")]),
    json("an empty response", .running, Call.response(first, ""), "202 Accepted", accepted, told: [.response("", contentType: nil)]),
    json(
      "a response that echoes the nonce", .running, Call.response(first, "1", "Lambda-Runtime-Invocation-Id: {nonce}\r\n"), "202 Accepted",
      accepted, told: [.response("1", contentType: nil)]),
    json(
      "a response with a stale nonce", .running,
      Call.response(first, "1", "Lambda-Runtime-Invocation-Id: 6ba7b810-9dad-41d1-80b4-00c04fd430c8\r\n"), "410 Gone",
      "{\"errorMessage\":\"Invoke timeout\",\"errorType\":\"InvokeTimeout\"}\n"),
    json(
      "a streaming response is buffered", .running,
      Call.response(first, "s", "Lambda-Runtime-Function-Response-Mode: streaming\r\n"), "202 Accepted", accepted,
      told: [.response("s", contentType: nil)]),
    json(
      "an unknown response mode", .running,
      Call.response(first, "s", "Lambda-Runtime-Function-Response-Mode: Streaming\r\n"), "400 Bad Request",
      "{\"errorMessage\":\"Invalid function response mode\",\"errorType\":\"InvalidFunctionResponseMode\"}\n", told: [.invalidResponseMode],
      close: true),
    json("a response with an unknown id", .running, Call.response(second, "1"), "400 Bad Request", invalidID),
    json("a response without an id", .running, Call.post("invocation//response", "1"), "400 Bad Request", invalidID),
    json("a response before any event", .started, Call.response(first, "1"), "400 Bad Request", invalidID),
    json("a response while none runs", .ready, Call.response(first, "1"), "400 Bad Request", invalidID),
    json(
      "a second response before the next next", .answered, Call.response(first, "2"), "403 Forbidden",
      transition("RuntimeResponseSentState", "InvocationResponse")),
    json("a second response after the next invocation began", .secondRunning, Call.response(first, "2"), "400 Bad Request", invalidID),
    json(
      "the id is looked at before the nonce and the state", .answered,
      Call.response(second, "2", "Lambda-Runtime-Invocation-Id: stale\r\n"), "400 Bad Request", invalidID),
    json(
      "the nonce is looked at before the state", .answered, Call.response(first, "2", "Lambda-Runtime-Invocation-Id: stale\r\n"),
      "410 Gone",
      "{\"errorMessage\":\"Invoke timeout\",\"errorType\":\"InvokeTimeout\"}\n"),
  ]

  static let errors: [Row] = [
    json(
      "an error", .running, Call.error(first, #"{"errorMessage":"no"}"#, "Lambda-Runtime-Function-Error-Type: Function.Broken\r\n"),
      "202 Accepted", accepted, told: [.error(#"{"errorMessage":"no"}"#, type: "Function.Broken")]),
    json(
      "an error without a type", .running, Call.error(first, "x"), "202 Accepted", accepted, told: [.error("x", type: "Runtime.Unknown")]),
    json(
      "an error whose type is the function's own", .running, Call.error(first, "x", "lambda-runtime-function-error-type: Function.e\r\n"),
      "202 Accepted", accepted, told: [.error("x", type: "Function.Unknown")]),
    json(
      "an error with a cause", .running,
      Call.error(first, #"{"errorCause":{"a":1},"stackTrace":["b/c"],"errorType":"T","errorMessage":"é"}"#, cause), "202 Accepted",
      accepted,
      told: [.error(#"{"errorMessage":"é","errorType":"T","stackTrace":["b/c"]}"#, type: "Runtime.Unknown")]),
    json(
      "an error with a cause that is not JSON", .running, Call.error(first, "oops", cause), "202 Accepted", accepted,
      told: [.error(#""Invalid error body""#, type: "Runtime.Unknown")]),
    json("an error with an unknown id", .running, Call.error(second, "x"), "400 Bad Request", invalidID),
    json(
      "an error with a stale nonce", .running, Call.error(first, "x", "lambda-runtime-invocation-id: 0\r\n"), "410 Gone",
      "{\"errorMessage\":\"Invoke timeout\",\"errorType\":\"InvokeTimeout\"}\n"),
    json(
      "an error after a response", .answered, Call.error(first, "x"), "403 Forbidden",
      transition("RuntimeResponseSentState", "InvocationErrorResponse")),
    json(
      "an init error", .started, Call.post("init/error", "{}", "Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError\r\n"),
      "202 Accepted", accepted, told: [.initError("{}", type: "Runtime.ImportModuleError")]),
    json("a second init error", .initFailed, Call.post("init/error", "{}"), "403 Forbidden", transition("InitError", "InitError")),
    json("an init error after init", .ready, Call.post("init/error", "{}"), "403 Forbidden", transition("Ready", "InitError")),
    json(
      "an init error while an invocation runs", .running, Call.post("init/error", "{}"), "403 Forbidden", transition("Running", "InitError")
    ),
    json(
      "an init error after an answer", .answered, Call.post("init/error", "{}"), "403 Forbidden",
      transition("RuntimeResponseSentState", "InitError")),
  ]

  static let paths: [Row] = [
    text("ping", "GET /2018-06-01/ping HTTP/1.1\r\n\r\n", "200 OK", "pong"),
    text("ping with a query", "GET /2018-06-01/ping?a=/b HTTP/1.1\r\n\r\n", "200 OK", "pong"),
    text(
      "restore next, where SnapStart is off", "GET /2018-06-01/runtime/restore/next HTTP/1.1\r\n\r\n", "404 Not Found",
      "404 page not found\n"),
    text("restore error, where SnapStart is off", Call.post("restore/error", "{}"), "404 Not Found", "404 page not found\n"),
    text("an unknown path", "GET / HTTP/1.1\r\n\r\n", "404 Not Found", "404 page not found\n"),
    text("an unknown version", "GET /2018-06-02/ping HTTP/1.1\r\n\r\n", "404 Not Found", "404 page not found\n"),
    text("a path below an invocation", Call.post("invocation/a/b/response", ""), "404 Not Found", "404 page not found\n"),
    text("an invocation's other path", Call.post("invocation/a/respond", ""), "404 Not Found", "404 page not found\n"),
    notAllowed("POST to next", Call.post("invocation/next", "{}"), allow: "GET"),
    notAllowed("GET of a response", "GET /2018-06-01/runtime/invocation/a/response HTTP/1.1\r\n\r\n", allow: "POST"),
    notAllowed("DELETE of an error", "DELETE /2018-06-01/runtime/invocation/a/error HTTP/1.1\r\n\r\n", allow: "POST"),
    notAllowed("GET of init error", "GET /2018-06-01/runtime/init/error HTTP/1.1\r\n\r\n", allow: "POST"),
    notAllowed("PUT to ping", "PUT /2018-06-01/ping HTTP/1.1\r\nContent-Length: 0\r\n\r\n", allow: "GET"),
  ]

  @Test(arguments: nextAndResponse + errors + paths) func `the runtime gets`(row: Row) async throws {
    try await Sandbox.serving { sandbox in
      var runtime = try await sandbox.client()
      let nonce = try await Self.bring(&sandbox, &runtime, to: row.situation)
      var client = try await sandbox.client()
      try await client.send(row.request.replacing("{nonce}", with: nonce))
      let response = try await client.response()
      #expect(response.statusLine == row.status)
      #expect(response.fields.map { "\($0.name): \($0.value)" }.joined(separator: "|") == row.fields.replacing("{nonce}", with: nonce))
      #expect(response.body == row.body)
      for told in row.told { #expect(await sandbox.hears() == told) }
      if !row.told.contains(.invalidResponseMode) { try await Self.expectStillAnswers(&client) }
    }
  }

  @Test func `next blocks until there is an event and then has every header`() async throws {
    try await Sandbox.serving { sandbox in
      var event = Self.first
      event.clientContext = "{\r\n \"a\": 1}"
      event.cognitoIdentity = #"{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}"#
      event.contentType = "text/csv"
      var client = try await sandbox.client()
      try await client.send(Call.next)
      #expect(await sandbox.hears() == .ready)
      try await sandbox.deliver(event)
      let response = try await client.response()
      let expected: [String: String] = [
        "Content-Type": "text/csv", "Lambda-Runtime-Aws-Request-Id": event.requestID, "Lambda-Runtime-Deadline-Ms": "1542409706888",
        "Lambda-Runtime-Invoked-Function-Arn": event.invokedFunctionARN, "Lambda-Runtime-Trace-Id": event.traceID,
        "Lambda-Runtime-Client-Context": "{   \"a\": 1}", "Content-Length": "7",
        "Lambda-Runtime-Cognito-Identity": #"{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}"#,
      ]
      #expect(response.statusLine == "HTTP/1.1 200 OK")
      for (name, value) in expected { #expect(response[name] == value) }
      let nonce = try #require(response["Lambda-Runtime-Invocation-Id"])
      #expect(InvocationNonce(parsing: nonce) != nil)
      #expect(response.fields.count == expected.count + 1)
      #expect(response.body == #"{"n":1}"#)
    }
  }

  @Test func `every invocation has a nonce of its own`() async throws {
    try await Sandbox.serving { sandbox in
      var client = try await sandbox.client()
      var nonces: Set<String> = []
      for number in 1...20 {
        let event = RuntimeEvent.numbered(number)
        try await sandbox.deliver(event)
        try await client.send(Call.next)
        nonces.insert(try #require(try await client.response()["Lambda-Runtime-Invocation-Id"]))
        try await client.send(Call.response(event, "\(number)"))
        #expect(try await client.response().status == 202)
        #expect(await sandbox.hears() == .response("\(number)", contentType: nil))
      }
      #expect(nonces.count == 20)
    }
  }

  @Test func `readiness is told once for init and once for each invocation`() async throws {
    try await Sandbox.serving { sandbox in
      var (one, two) = (try await sandbox.client(), try await sandbox.client())
      try await one.send(Call.next)
      #expect(await sandbox.hears() == .ready)
      try await two.send(Call.next)
      try await Self.expectParked(two, sandbox)
      try await sandbox.deliver(Self.first)
      #expect(try await one.response().status == 200)
      try await one.send(Call.response(Self.first, "1"))
      #expect(try await one.response().status == 202)
      #expect(await sandbox.hears() == .response("1", contentType: nil))
      #expect(await sandbox.hears() == .ready)
      try await sandbox.deliver(Self.second)
      #expect(try await two.response()["Lambda-Runtime-Aws-Request-Id"] == Self.second.requestID)
    }
  }

  /// Brings a fresh sandbox to `situation` over `runtime`; answers the first event's nonce.
  static func bring(_ sandbox: inout Sandbox, _ runtime: inout RawClient, to situation: Situation) async throws -> String {
    if situation == .started { return "" }
    if situation == .initFailed {
      try await runtime.send(Call.post("init/error", "{}"))
      #expect(try await runtime.response().status == 202)
      #expect(await sandbox.hears() == .initError("{}", type: "Runtime.Unknown"))
      return ""
    }
    try await runtime.send(Call.next)
    #expect(await sandbox.hears() == .ready)
    if situation == .ready { return "" }
    try await sandbox.deliver(first)
    let nonce = try #require(try await runtime.response()["Lambda-Runtime-Invocation-Id"])
    if situation == .running { return nonce }
    try await runtime.send(Call.response(first, "1"))
    #expect(try await runtime.response().status == 202)
    #expect(await sandbox.hears() == .response("1", contentType: nil))
    if situation == .answered { return nonce }
    try await sandbox.deliver(second)
    try await runtime.send(Call.next)
    #expect(try await runtime.response().status == 200)
    return nonce
  }

  static func expectStillAnswers(_ client: inout RawClient) async throws {
    try await client.send("GET /2018-06-01/ping HTTP/1.1\r\n\r\n")
    #expect(try await client.response().body == "pong")
  }

  /// Waits until the server has taken in what `client` sent: the loop reads in order of arrival, and a later connection's answer comes after it.
  static func expectParked(_ client: RawClient, _ sandbox: Sandbox) async throws {
    var probe = try await sandbox.client()
    try await expectStillAnswers(&probe)
  }
}
