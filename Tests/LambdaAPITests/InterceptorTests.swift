import FunctionModel
import HTTPTypes
import LambdaAPI
import NIOCore
import Scheduling
import ServiceLifecycle
import Testing

/// The connection as the interceptor keeps it, seen from a raw socket.
@Suite struct InterceptorTests {
  static let invoke = "/2015-03-31/functions/hello/invocations"
  static let list = "/2015-03-31/functions"

  private func withFunction<Value: Sendable>(
    idleTimeout: TimeAmount = .seconds(60), requestTimeout: TimeAmount = .seconds(60),
    _ body: @Sendable (TestServer) async throws -> Value
  ) async throws -> Value {
    try await TestServer.with(idleTimeout: idleTimeout, requestTimeout: requestTimeout) { server in
      let created = await server.service.respond(
        to: .init(method: .post, scheme: nil, authority: nil, path: Self.list), body: Deployment.body("hello").encoded(),
        as: Principal(owner: TestServer.owner, name: "test"))
      try #require(created.head.status.code == 201)
      return try await body(server)
    }
  }

  private static func text(_ method: String, _ target: String, _ body: String = "", _ fields: String = "") -> String {
    "\(method) \(target) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)"
  }

  @Test func `pipelined requests are answered in order, whoever answers`() async throws {
    try await withFunction { server in
      server.invoker.setAnswer(nil)
      try await RawConnection.with(port: server.port) { connection in
        try await connection.send(
          Self.text("POST", Self.invoke, "1") + Self.text("GET", Self.list) + Self.text("POST", Self.invoke, "2")
            + Self.text("POST", Self.invoke, "nonsense") + Self.text("GET", "/none"))
        let first = await server.invoker.next()
        #expect(first.request.payload == ByteBuffer(string: "1"))
        first.answer(FakeInvoker.echo(first.request))
        #expect(try await connection.reply().body == "1")
        #expect(try await connection.reply().json["Functions"] != nil)
        let second = await server.invoker.next()
        #expect(second.request.payload == ByteBuffer(string: "2"))
        second.answer(FakeInvoker.echo(second.request))
        #expect(try await connection.reply().body == "2")
        #expect(try await connection.reply().errorType == "InvalidRequestContentException")
        #expect(try await connection.reply().errorType == "UnknownOperationException")
      }
    }
  }

  @Test func `a long pipeline neither stalls nor mixes up`() async throws {
    try await withFunction { server in
      try await RawConnection.with(port: server.port) { connection in
        let count = 300
        var text = ""
        for index in 0..<count { text += index % 3 == 0 ? Self.text("GET", Self.list) : Self.text("POST", Self.invoke, "\(index)") }
        try await connection.send(text)
        for index in 0..<count {
          let reply = try await connection.reply()
          #expect(reply.status == 200)
          #expect(index % 3 == 0 ? reply.json["Functions"] != nil : reply.body == "\(index)")
        }
      }
    }
  }

  @Test func `routes alternate on one connection`() async throws {
    try await withFunction { server in
      try await RawConnection.with(port: server.port) { connection in
        for index in 0..<20 {
          let invoked = try await connection.request("POST", Self.invoke, body: "\(index)")
          let routed = try await connection.request("GET", Self.list + "/hello/configuration")
          #expect(invoked.body == "\(index)" && routed.status == 200)
        }
      }
    }
  }

  @Test func `a client that waits to be invited is invited`() async throws {
    try await withFunction { server in
      try await RawConnection.with(port: server.port) { connection in
        for (target, body) in [(Self.invoke, "[1]"), (Self.list, Deployment.body("second").text)] {
          try await connection.send(
            "POST \(target) HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
          #expect(try await connection.reply().status == 100)
          try await connection.send(body)
          #expect(try await connection.reply().status == (target == Self.invoke ? 200 : 201))
        }
      }
    }
  }

  @Test(arguments: [(invoke, 6_291_457, 413), (list, 70_167_212, 413)])
  func `a client that would send too much is refused before it does`(_ target: String, _ length: Int, _ status: Int) async throws {
    try await withFunction { server in
      try await RawConnection.with(port: server.port) { connection in
        try await connection.send("POST \(target) HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: \(length)\r\n\r\n")
        let reply = try await connection.reply()
        #expect(reply.status == status && reply.errorType == "RequestEntityTooLargeException")
        #expect(try await connection.ends())
      }
    }
  }

  @Test func `an unauthenticated client is not invited`() async throws {
    try await TestServer.with(authentication: .signatureV4(CredentialStore([TestServer.key]))) { server in
      try await RawConnection.with(port: server.port) { connection in
        try await connection.send("POST \(Self.invoke) HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        #expect(try await connection.reply().status == 403)
        #expect(try await connection.ends())
      }
    }
  }

  @Test func `six megabytes pass and one byte more is too large`() async throws {
    try await withFunction { server in
      server.invoker.setAnswer { request in
        .completed(
          InvocationReply(
            payload: ByteBuffer(string: "\(request.payload.readableBytes)"), contentType: nil, functionError: false,
            executedVersion: "$LATEST", logTail: nil))
      }
      try await RawConnection.with(port: server.port) { connection in
        func event(_ bytes: Int) -> String { "\"" + String(repeating: "x", count: bytes - 2) + "\"" }
        #expect(try await connection.request("POST", Self.invoke, body: event(6_291_456)).body == "6291456")
        let reply = try await connection.request("POST", Self.invoke, body: event(6_291_457))
        #expect(reply.status == 413 && reply.errorType == "RequestEntityTooLargeException")
        #expect(reply.json == ["message": "Request must be smaller than 6291456 bytes for the InvokeFunction operation"])
        // The connection goes on.
        #expect(try await connection.request("POST", Self.invoke, body: "1").body == "1")
      }
    }
  }

  @Test func `a body may come in chunks and drop by drop`() async throws {
    try await withFunction { server in
      try await RawConnection.with(port: server.port) { connection in
        try await connection.send("POST \(Self.invoke) HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in ["[1", ",", "2]"] {
          try await connection.send("\(String(piece.utf8.count, radix: 16))\r\n\(piece)\r\n")
        }
        try await connection.send("0\r\n\r\n")
        #expect(try await connection.reply().body == "[1,2]")
        for byte in Self.text("POST", Self.invoke, "[3]") { try await connection.send(String(byte)) }
        #expect(try await connection.reply().body == "[3]")
      }
    }
  }

  @Test func `a client that asks to close is answered and closed`() async throws {
    try await withFunction { server in
      for (method, target) in [("POST", Self.invoke), ("GET", Self.list)] {
        for value in ["close", "Close", "keep-alive, close"] {
          try await RawConnection.with(port: server.port) { connection in
            try await connection.send(Self.text(method, target, "", "Connection: \(value)\r\n"))
            #expect(try await connection.reply().status == 200)
            #expect(try await connection.ends())
          }
        }
      }
    }
  }

  @Test func `a client that has closed its side still gets its answer`() async throws {
    try await withFunction { server in
      server.invoker.setAnswer(nil)
      try await RawConnection.with(port: server.port) { connection in
        try await connection.send(Self.text("POST", Self.invoke, "1"))
        try await connection.channel.close(mode: .output)
        let call = await server.invoker.next()
        call.answer(FakeInvoker.echo(call.request))
        #expect(try await connection.reply().body == "1")
        #expect(try await connection.ends())
      }
    }
  }

  @Test func `a client that goes away harms nobody`() async throws {
    try await withFunction { server in
      server.invoker.setAnswer(nil)
      let call = try await RawConnection.with(port: server.port) { connection in
        try await connection.send(Self.text("POST", Self.invoke, "1"))
        return await server.invoker.next()
      }
      call.answer(FakeInvoker.echo(call.request))
      server.invoker.setAnswer(FakeInvoker.echo)
      try await RawConnection.with(port: server.port) { connection in
        let reply = try await connection.request("POST", Self.invoke, body: "2")
        #expect(reply.body == "2")
      }
    }
  }

  @Test func `a silent connection is closed, one that awaits an answer is not`() async throws {
    try await withFunction(idleTimeout: .milliseconds(100)) { server in
      server.invoker.setAnswer(nil)
      try await RawConnection.with(port: server.port) { waiting in
        try await waiting.send(Self.text("POST", Self.invoke, "1"))
        let call = await server.invoker.next()
        // Two silent connections, one after the other, measure more than the idle timeout.
        for _ in 0..<2 {
          let ended = try await RawConnection.with(port: server.port) { silent in try await silent.ends() }
          #expect(ended)
        }
        call.answer(FakeInvoker.echo(call.request))
        #expect(try await waiting.reply().body == "1")
        #expect(try await waiting.ends())
      }
    }
  }

  @Test func `a request that never ends is cut off`() async throws {
    try await withFunction(requestTimeout: .milliseconds(100)) { server in
      for target in [Self.invoke, Self.list] {
        try await RawConnection.with(port: server.port) { connection in
          try await connection.send("POST \(target) HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n[1,")
          #expect(try await connection.ends())
        }
      }
    }
  }

  @Test func `garbage is answered 400 and closed, after what came before it`() async throws {
    try await withFunction { server in
      server.invoker.setAnswer(nil)
      try await RawConnection.with(port: server.port) { connection in
        try await connection.send(Self.text("POST", Self.invoke, "1") + "\u{1}\u{2} garbage\r\n\r\n")
        let call = await server.invoker.next()
        call.answer(FakeInvoker.echo(call.request))
        #expect(try await connection.reply().body == "1")
        #expect(try await connection.reply().status == 400)
        #expect(try await connection.ends())
      }
    }
  }

  @Test func `headers are limited`() async throws {
    try await withFunction { server in
      try await RawConnection.with(port: server.port) { connection in
        try await connection.send(Self.text("POST", Self.invoke, "1", "X: \(String(repeating: "x", count: 20_000))\r\n"))
        #expect(try await connection.reply().status == 400)
        #expect(try await connection.ends())
      }
    }
  }

  @Test func `a stopping server ends what runs and closes what is idle`() async throws {
    try await withFunction { server in
      server.invoker.setAnswer(nil)
      try await RawConnection.with(port: server.port) { running in
        try await RawConnection.with(port: server.port) { idle in
          // One answer on each, so that both are accepted.
          #expect(try await idle.request("GET", Self.list).status == 200)
          try await running.send(Self.text("POST", Self.invoke, "1"))
          let call = await server.invoker.next()
          await server.group.triggerGracefulShutdown()
          #expect(try await idle.ends())
          call.answer(FakeInvoker.echo(call.request))
          let reply = try await running.reply()
          #expect(reply.body == "1" && reply.fields["connection"] == "close")
          #expect(try await running.ends())
        }
      }
    }
  }
}
