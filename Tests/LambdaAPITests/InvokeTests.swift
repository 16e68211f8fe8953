import FoundationEssentials
import FunctionModel
import HTTPTypes
import Hummingbird
import LambdaAPI
import Logging
import NIOCore
import Scheduling
import Synchronization
import Testing

/// What Invoke takes and gives.
@Suite struct InvokeTests {
  static let path = "/2015-03-31/functions/hello/invocations"

  @Test func `the event goes in and the answer comes out`() async throws {
    try await TestServer.withFunction { server, connection in
      let reply = try await connection.request("POST", Self.path, body: #"{"a": [1, 2]}"#)
      #expect(reply.status == 200 && reply.body == #"{"a": [1, 2]}"#)
      #expect(reply.fields["content-type"] == "application/json")
      #expect(reply.fields["x-amz-executed-version"] == "$LATEST")
      #expect(reply.fields["x-amz-function-error"] == nil && reply.fields["x-amz-log-result"] == nil)
      #expect(reply.fields["x-amzn-requestid"].flatMap { UUID(uuidString: $0) } != nil)
      #expect(reply.fields["x-amzn-trace-id"]?.hasPrefix("Root=1-") == true)
      #expect(reply.fields["date"]?.hasSuffix(" GMT") == true)
    }
  }

  @Test func `the scheduler is told what the caller said`() async throws {
    try await TestServer.withFunction { server, connection in
      server.invoker.setAnswer(nil)
      try await connection.send(
        "POST", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Ahello/invocations?Qualifier=%24LATEST",
        fields: [
          "X-Amz-Client-Context": Data(#"{"custom":{"a":1}}"#.utf8).base64EncodedString(), "X-Amzn-Trace-Id": "Root=1-2-3",
          "X-Amz-Log-Type": "Tail", "Content-Type": "application/cloudevents+json",
        ])
      let call = await server.invoker.next()
      #expect(call.request.payload == ByteBuffer(string: "{}"))
      #expect(call.request.invokedARN == "arn:aws:lambda:us-east-1:000000000000:function:hello:$LATEST")
      #expect(call.request.version.handler == "app.handler")
      #expect(call.request.clientContext == #"{"custom":{"a":1}}"# && call.request.traceID == "Root=1-2-3")
      #expect(call.request.wantsLogTail && call.request.contentType == "application/cloudevents+json")
      call.answer(
        .completed(
          InvocationReply(
            payload: ByteBuffer(string: "boom"), contentType: "text/plain", functionError: true, executedVersion: "$LATEST",
            logTail: "REPORT RequestId: x\n")))
      let reply = try await connection.reply()
      #expect(reply.status == 200 && reply.body == "boom" && reply.fields["content-type"] == "text/plain")
      #expect(reply.fields["x-amz-function-error"] == "Unhandled")
      #expect(reply.fields["x-amz-log-result"] == Data("REPORT RequestId: x\n".utf8).base64EncodedString())
      #expect(reply.fields["x-amzn-requestid"] == call.request.requestID && reply.fields["x-amzn-trace-id"] == "Root=1-2-3")
    }
  }

  @Test func `a throttle is 429 with its reason`() async throws {
    try await TestServer.withFunction { server, connection in
      server.invoker.setAnswer { _ in .refused(.tooManyRequests(.concurrentInvocationLimitExceeded)) }
      let reply = try await connection.request("POST", Self.path)
      #expect(reply.status == 429 && reply.errorType == "TooManyRequestsException")
      #expect(reply.json == ["Type": "User", "message": "Rate Exceeded.", "Reason": "ConcurrentInvocationLimitExceeded"])
    }
  }

  @Test func `a dry run checks and runs nothing`() async throws {
    try await TestServer.withFunction { server, connection in
      server.invoker.setAnswer { _ in .refused(.service("it ran")) }
      let reply = try await connection.request("POST", Self.path, fields: ["X-Amz-Invocation-Type": "DryRun"])
      #expect(reply.status == 204 && reply.body.isEmpty && reply.fields["content-length"] == nil)
      let missing = try await connection.request(
        "POST", "/2015-03-31/functions/other/invocations", fields: ["X-Amz-Invocation-Type": "DryRun"])
      #expect(missing.status == 404)
    }
  }

  @Test func `an asynchronous invocation is accepted and does not run now`() async throws {
    try await TestServer.withFunction { server, connection in
      server.invoker.setAnswer { _ in .refused(.service("it ran")) }
      let event = try await connection.request("POST", Self.path, fields: ["X-Amz-Invocation-Type": "Event"], body: "[7]")
      let older = try await connection.request("POST", "/2014-11-13/functions/hello/invoke-async/")
      let accepted = server.invoker.accepted
      #expect(event.status == 202 && older.status == 202 && event.body.isEmpty && older.body.isEmpty)
      #expect(accepted.map { String(decoding: $0.payload, as: UTF8.self) } == ["[7]", "{}"])
      #expect(accepted.first?.requestID == event.fields["x-amzn-requestid"] && accepted.first?.attempts == 0)
      let broken = try await connection.request("POST", Self.path, fields: ["X-Amz-Invocation-Type": "Event"], body: "[7")
      #expect(broken.errorType == "InvalidRequestContentException" && server.invoker.accepted.count == 2)
    }
  }

  @Test(arguments: [
    ("other", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:other"),
    ("hello:7", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:hello:7"),
    ("hello:PROD", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:hello:PROD"),
  ]) func `what is not there is not found`(_ name: String, _ message: String) async throws {
    try await TestServer.withFunction { _, connection in
      let reply = try await connection.request("POST", "/2015-03-31/functions/\(name)/invocations")
      #expect(reply.status == 404 && reply.json == ["Type": "User", "Message": .string(message)])
    }
  }

  @Test func `an event that is not JSON is refused`() async throws {
    try await TestServer.withFunction { _, connection in
      let reply = try await connection.request("POST", Self.path, body: "hello")
      #expect(reply.status == 400 && reply.errorType == "InvalidRequestContentException")
      #expect(reply.message?.hasPrefix("Could not parse request body into json: Unrecognized token 'hello'") == true)
    }
  }

  @Test(arguments: ["%%", "W10=", "bm8="]) func `a client context that is no JSON object is refused`(_ context: String) async throws {
    try await TestServer.withFunction { _, connection in
      let reply = try await connection.request("POST", Self.path, fields: ["X-Amz-Client-Context": context])
      #expect(reply.status == 400 && reply.message == "Client context must be a valid Base64-encoded JSON object.")
    }
  }

  @Test func `a client context is limited`() async throws {
    try await TestServer.withFunction { _, connection in
      let context = Data((#"{"a":""# + String(repeating: "x", count: 2_700) + #""}"#).utf8).base64EncodedString()
      let reply = try await connection.request("POST", Self.path, fields: ["X-Amz-Client-Context": context])
      #expect(reply.status == 400 && reply.message == "Client context must be no more than 3583 bytes.")
    }
  }

  @Test func `unknown types are validation errors`() async throws {
    try await TestServer.withFunction { _, connection in
      let reply = try await connection.request("POST", Self.path, fields: ["X-Amz-Invocation-Type": "Later"])
      #expect(
        reply.message == "1 validation error detected: Value 'Later' at 'invocationType' failed to satisfy constraint: Member must satisfy "
          + "enum value set: [Event, RequestResponse, DryRun]")
      #expect(try await connection.request("POST", Self.path, fields: ["X-Amz-Log-Type": "Head"]).errorType == "ValidationException")
    }
  }

  @Test func `a signed invocation is answered and a changed one refused`() async throws {
    let clock = TimeSource { SignatureTests.signed }
    try await TestServer.with(authentication: .signatureV4(CredentialStore([TestServer.key])), clock: clock) { server in
      _ = await server.service.respond(
        to: .init(method: .post, scheme: nil, authority: nil, path: "/2015-03-31/functions"), body: Deployment.body("hello").encoded(),
        as: Principal(owner: TestServer.owner, name: "test"))
      let signed = SignatureTests.invoke
      var head = "POST \(signed.target) HTTP/1.1\r\nHost: \(signed.host)\r\nContent-Length: \(signed.body.utf8.count)\r\n"
      for (name, value) in signed.headers { head += "\(name): \(value)\r\n" }
      try await RawConnection.with(port: server.port) { connection in
        try await connection.send(head + "\r\n" + signed.body)
        let reply = try await connection.reply()
        #expect(reply.status == 200 && reply.body == signed.body)
        try await connection.send(head + "\r\n" + signed.body.replacing("1", with: "2"))
        #expect(try await connection.reply().errorType == "InvalidSignatureException")
        #expect(try await connection.request("POST", signed.target).errorType == "MissingAuthenticationTokenException")
      }
    }
  }

  @Test func `the administrator's way to invoke goes without the interceptor`() async throws {
    try await TestServer.with { server in
      let caller = Principal(owner: TestServer.owner, name: "uid 0")
      _ = await server.service.respond(
        to: .init(method: .post, scheme: nil, authority: nil, path: "/2015-03-31/functions"), body: Deployment.body("hello").encoded(),
        as: caller)
      let reply = await server.service.respond(
        to: .init(method: .post, scheme: nil, authority: nil, path: Self.path), body: ByteBuffer(string: "[7]"), as: caller)
      #expect(reply.head.status.code == 200 && reply.body == ByteBuffer(string: "[7]"))
    }
  }

  @Test func `another server's router carries every path`() async throws {
    try await TestServer.with { server in
      let router = Router()
      server.service.addRoutes(to: router, as: Principal(owner: TestServer.owner, name: "uid 0"))
      let (ports, serving) = AsyncStream.makeStream(of: Int.self)
      let application = Application(
        router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
        onServerRunning: { serving.yield($0.localAddress?.port ?? 0) }, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await application.run() }
        var iterator = ports.makeAsyncIterator()
        let port = try #require(await iterator.next())
        try await RawConnection.with(port: port) { connection in
          let created = try await Deployment.create("hello", over: &connection)
          #expect(created.status == 201)
          let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Ahello"
          let invoked = try await connection.request("POST", "/2015-03-31/functions/\(arn)/invocations", body: "[7]")
          #expect(invoked.status == 200 && invoked.body == "[7]")
          let tags = try await connection.request("GET", "/2017-03-31/tags/\(arn)")
          #expect(tags.status == 200 && tags.json == ["Tags": [:]])
          let unknown = try await connection.request("POST", "/2015-03-31/functions/hello/nothing")
          #expect(unknown.errorType == "UnknownOperationException")
        }
        tasks.cancelAll()
      }
    }
  }
}
