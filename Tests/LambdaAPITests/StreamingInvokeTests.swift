import FoundationEssentials
import FunctionModel
import HTTPTypes
import NIOCore
import Scheduling
import Signing
import Testing

@testable import LambdaAPI

/// InvokeWithResponseStream on the wire.
@Suite(.serialized, .timeLimit(.minutes(1))) struct StreamingInvokeTests {
  static let path = "/2021-11-15/functions/hello/response-streaming-invocations"

  private func withFunction<Value: Sendable>(
    _ body: @Sendable (TestServer, inout RawConnection) async throws -> Value
  ) async throws -> Value {
    try await TestServer.withFunction { server, connection in
      server.invoker.setAnswer(nil)
      return try await body(server, &connection)
    }
  }

  private static func reply(_ payload: String, errorType: String? = nil, logTail: String? = nil) -> InvocationResult {
    .completed(
      InvocationReply(
        payload: ByteBuffer(string: payload), contentType: "text/html", functionError: errorType != nil, errorType: errorType,
        executedVersion: "$LATEST", logTail: logTail))
  }

  private static func complete(_ json: String) -> ByteBuffer {
    EventStreamMessage(
      headers: [(":message-type", "event"), (":event-type", "InvokeComplete"), (":content-type", "application/json")],
      payload: ByteBuffer(string: json)
    ).encoded()
  }

  @Test func `a message is framed so that botocore reads it`() {
    // Made with Python's struct and binascii; botocore's EventStreamBuffer reads them.
    let chunk = EventStreamMessage.payloadChunk(ByteBuffer(string: "one")).encoded()
    #expect(Hexadecimal.text(chunk.readableBytesView) == Self.goldenChunk)
    let end = EventStreamMessage.invokeComplete(errorCode: nil, errorDetails: nil, logResult: nil).encoded()
    #expect(Hexadecimal.text(end.readableBytesView) == Self.goldenEnd)
  }

  static let goldenChunk =
    "0000006d0000005a8f3ed47f0d3a6d6573736167652d747970650700056576656e740b3a6576656e742d7479706507000c5061796c6f61644368756e"
    + "6b0d3a636f6e74656e742d747970650700186170706c69636174696f6e2f6f637465742d73747265616d6f6e65eca9e117"
  static let goldenEnd =
    "00000066000000541f56c8690d3a6d6573736167652d747970650700056576656e740b3a6576656e742d7479706507000e496e766f6b65436f6d706c"
    + "6574650d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b7dface259a"

  @Test func `each part is a message when it comes, the end is the last, and the connection goes on`() async throws {
    try await withFunction { server, connection in
      for _ in 0..<2 {
        try await connection.send("POST", Self.path, fields: ["X-Amz-Log-Type": "Tail"], body: "[1]")
        let call = await server.invoker.next()
        #expect(call.request.payload == ByteBuffer(string: "[1]") && call.request.wantsLogTail)
        call.stream("one")
        let head = try await connection.reply()
        #expect(head.status == 200 && head.fields["content-type"] == "application/vnd.amazon.eventstream")
        #expect(head.fields["transfer-encoding"] == "chunked" && head.fields["content-length"] == nil)
        #expect(head.fields["x-amz-executed-version"] == "$LATEST" && head.fields["x-amzn-requestid"] == call.request.requestID)
        #expect(try await connection.chunk() == EventStreamMessage.payloadChunk(ByteBuffer(string: "one")).encoded())
        call.stream("two")
        #expect(try await connection.chunk() == EventStreamMessage.payloadChunk(ByteBuffer(string: "two")).encoded())
        call.answer(Self.reply("", logTail: "REPORT x"))
        #expect(try await connection.chunk() == Self.complete(#"{"LogResult":"UkVQT1JUIHg="}"#))
        #expect(try await connection.chunk() == nil)
      }
    }
  }

  @Test func `a response in one piece is one chunk, an error is none`() async throws {
    try await withFunction { server, connection in
      try await connection.send("POST", Self.path)
      await server.invoker.next().answer(Self.reply("[7]"))
      #expect(try await connection.reply().status == 200)
      #expect(try await connection.chunk() == EventStreamMessage.payloadChunk(ByteBuffer(string: "[7]")).encoded())
      #expect(try await connection.chunk() == Self.complete("{}"))
      #expect(try await connection.chunk() == nil)

      try await connection.send("POST", Self.path)
      await server.invoker.next().answer(Self.reply(#"{"errorMessage":"no"}"#, errorType: "Function.Late"))
      #expect(try await connection.reply().fields["x-amz-function-error"] == nil)
      #expect(try await connection.chunk() == Self.complete(#"{"ErrorCode":"Function.Late","ErrorDetails":"{\"errorMessage\":\"no\"}"}"#))
      #expect(try await connection.chunk() == nil)
    }
  }

  @Test func `what did not run is refused like any request, and what fails of the host midway is an exception`() async throws {
    try await withFunction { server, connection in
      try await connection.send("POST", Self.path)
      await server.invoker.next().answer(.refused(.tooManyRequests(.concurrentInvocationLimitExceeded)))
      #expect(try await connection.reply().status == 429)

      try await connection.send("POST", Self.path)
      let call = await server.invoker.next()
      call.stream("part")
      call.answer(.refused(.service("it broke")))
      #expect(try await connection.reply().status == 200)
      _ = try await connection.chunk()
      #expect(
        try await connection.chunk()
          == EventStreamMessage(
            headers: [(":message-type", "exception"), (":exception-type", "ServiceException"), (":content-type", "application/json")],
            payload: ByteBuffer(string: #"{"message":"it broke"}"#)
          ).encoded())
      #expect(try await connection.chunk() == nil)
    }
  }

  @Test func `a part is taken when the client reads, and when it is gone`() async throws {
    try await TestServer.with { server in
      let part = String(repeating: "x", count: 16 << 20)
      let (takes, taken) = AsyncStream.makeStream(of: Int.self)
      let call = try await RawConnection.with(port: server.port) { connection in
        try await Deployment.create("hello", over: &connection)
        server.invoker.setAnswer(nil)
        try await connection.send("POST", Self.path)
        let call = await server.invoker.next()
        call.stream("first") { taken.yield(1) }
        #expect(await takes.first { _ in true } == 1)
        #expect(try await connection.reply().status == 200)
        _ = try await connection.chunk()
        call.stream(part) { taken.yield(2) }
        call.stream("last") { taken.yield(3) }
        // More than the sockets take: it is not taken while the client does not read, however long.
        try await RawConnection.with(port: server.port) { other in
          for _ in 0..<20 {
            let status = try await other.request("GET", "/2015-03-31/functions").status
            #expect(status == 200)
          }
        }
        taken.yield(0)
        return call
      }
      // The client has closed: what was under way is let go, and what comes is too.
      var iterator = takes.makeAsyncIterator()
      #expect(await iterator.next() == 0)
      #expect(await iterator.next() == 2)
      #expect(await iterator.next() == 3)
      call.stream("late") { taken.yield(4) }
      #expect(await iterator.next() == 4)
      call.answer(Self.reply(""))
      try await RawConnection.with(port: server.port) { connection in
        try await connection.send("POST", Self.path)
        await server.invoker.next().answer(Self.reply("7"))
        #expect(try await connection.reply().status == 200)
      }
    }
  }

  @Test func `requests behind a stream wait for its end`() async throws {
    try await withFunction { server, connection in
      try await connection.send("POST", Self.path)
      try await connection.send("GET", "/2015-03-31/functions")
      let call = await server.invoker.next()
      call.stream("one")
      #expect(try await connection.reply().fields["content-type"] == "application/vnd.amazon.eventstream")
      _ = try await connection.chunk()
      call.answer(Self.reply(""))
      #expect(try await connection.chunk() == Self.complete("{}"))
      #expect(try await connection.chunk() == nil)
      #expect(try await connection.reply().json["Functions"] != nil)
    }
  }

  @Test func `a client that asks to close is closed after the end`() async throws {
    try await withFunction { server, connection in
      try await connection.send("POST", Self.path, fields: ["Connection": "close"])
      await server.invoker.next().answer(Self.reply("1"))
      #expect(try await connection.reply().fields["connection"] == "close")
      while try await connection.chunk() != nil {}
      #expect(try await connection.ends())
    }
  }

  @Test func `invocation types, sizes and tenants are checked`() async throws {
    try await withFunction { _, connection in
      let dry = try await connection.request("POST", Self.path, fields: ["X-Amz-Invocation-Type": "DryRun"])
      #expect(dry.status == 204)
      let event = try await connection.request("POST", Self.path, fields: ["X-Amz-Invocation-Type": "Event"])
      #expect(event.message?.hasSuffix("Member must satisfy enum value set: [RequestResponse, DryRun]") == true)
      let large = try await connection.request("POST", Self.path, body: "\"" + String(repeating: "x", count: 6_291_456) + "\"")
      #expect(large.status == 413)
      #expect(large.message == "Request must be smaller than 6291456 bytes for the InvokeWithResponseStream operation")
      let tenant = try await connection.request("POST", Self.path, fields: ["X-Amz-Tenant-Id": "blue"])
      #expect(tenant.status == 400 && tenant.message == "The invoked function is not enabled with tenancy configuration.")
      #expect(try await connection.request("POST", Self.path, fields: ["X-Amz-Tenant-Id": "b!"]).errorType == "ValidationException")
    }
  }

  @Test(arguments: [(1_048_576, 202), (1_048_577, 413)]) func `an Event has a megabyte`(_ size: Int, _ status: Int) async throws {
    try await withFunction { _, connection in
      let body = "\"" + String(repeating: "x", count: size - 2) + "\""
      let reply = try await connection.request("POST", InvokeTests.path, fields: ["X-Amz-Invocation-Type": "Event"], body: body)
      #expect(reply.status == status)
      guard status == 413 else { return }
      #expect(reply.errorType == "RequestEntityTooLargeException")
      #expect(reply.message == "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)")
    }
  }
}
