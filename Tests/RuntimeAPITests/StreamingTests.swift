import NIOCore
import Synchronization
import Testing

@testable import RuntimeAPI

/// Responses that go to the caller while the runtime makes them.
@Suite(.timeLimit(.minutes(1))) struct StreamingTests {
  static let event = RuntimeEvent.numbered(1, streamLimit: 1 << 20)
  static let head =
    "POST /2018-06-01/runtime/invocation/\(event.requestID)/response HTTP/1.1\r\nHost: 127.0.0.1:9001\r\n"
    + "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n"
    + "Trailer: Lambda-Runtime-Function-Error-Type\r\nTrailer: Lambda-Runtime-Function-Error-Body\r\n\r\n"

  static func chunk(_ text: String) -> String { "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n" }

  static func end(_ type: String, _ body: String) -> String {
    "0\r\nLambda-Runtime-Function-Error-Type: \(type)\r\nLambda-Runtime-Function-Error-Body: \(body)\r\n\r\n"
  }

  /// A runtime that has its event.
  private func withEvent(_ event: RuntimeEvent = event, _ body: (inout Sandbox, inout RawClient) async throws -> Void) async throws {
    try await Sandbox.serving { sandbox in
      try await sandbox.deliver(event)
      var client = try await sandbox.client()
      try await client.send(Call.next)
      #expect(try await client.response().status == 200)
      try await body(&sandbox, &client)
    }
  }

  @Test func `each chunk is passed on when it comes, and the connection stays`() async throws {
    try await withEvent { sandbox, client in
      try await client.send(Self.head)
      for part in ["one", "two", "\u{0}three\u{0}"] {
        try await client.send(Self.chunk(part))
        #expect(await sandbox.hears() == .part(part))
      }
      try await client.send("0\r\n\r\n")
      let answer = try await client.response()
      #expect(answer.status == 202 && answer.body == "{\"status\":\"OK\"}\n")
      #expect(await sandbox.hears() == .streamed)
      try await client.send(Call.next)
      #expect(await sandbox.hears() == .ready)
    }
  }

  @Test func `the HTTP prelude goes through untouched`() async throws {
    let prelude = #"{"statusCode":201,"headers":{"content-type":"text/html"}}"# + String(repeating: "\u{0}", count: 8)
    try await withEvent { sandbox, client in
      try await client.send(
        Self.head.replacing("Host:", with: "Content-Type: application/vnd.awslambda.http-integration-response\r\nHost:"))
      try await client.send(Self.chunk(prelude) + Self.chunk("<p/>") + "0\r\n\r\n")
      var heard = ""
      while case .part(let part)? = await sandbox.hears() { heard += part }
      #expect(heard == prelude + "<p/>")
    }
  }

  @Test func `a response of no chunk has no part`() async throws {
    try await withEvent { sandbox, client in
      try await client.send(Self.head + "0\r\n\r\n")
      #expect(try await client.response().status == 202)
      #expect(await sandbox.hears() == .streamed)
    }
  }

  /// Trailers, and what the delegate hears after the one part.
  static let trailers: [(String, Told)] = [
    (end("", ""), .streamed),
    (end("Function.Late", "eyJlcnJvck1lc3NhZ2UiOiJubyJ9"), .error(#"{"errorMessage":"no"}"#, type: "Function.Late")),
    ("0\r\nlambda-runtime-function-error-type: oops\r\n\r\n", .error("", type: "Runtime.Unknown")),
    (end("Function.Late", "%%"), .error(#""Invalid error body""#, type: "Function.Late")),
  ]

  @Test(arguments: trailers) func `trailers tell of an error midway`(_ end: String, _ told: Told) async throws {
    try await withEvent { sandbox, client in
      try await client.send(Self.head + Self.chunk("part") + end)
      #expect(try await client.response().status == 202)
      #expect(await sandbox.hears() == .part("part"))
      #expect(await sandbox.hears() == told)
    }
  }

  @Test(arguments: [trailers[1]]) func `a response that is put together fails by its trailers too`(_ end: String, _ told: Told) async throws
  {
    try await withEvent(.numbered(1)) { sandbox, client in
      try await client.send(Self.head + Self.chunk("part") + end)
      #expect(try await client.response().status == 202)
      #expect(await sandbox.hears() == told)
    }
  }

  @Test(arguments: [("3", "202"), ("4", "413")]) func `the limit counts all parts`(_ last: String, _ status: String) async throws {
    let event = RuntimeEvent.numbered(1, streamLimit: 10)
    try await withEvent(event) { sandbox, client in
      try await client.send(Self.head + Self.chunk("seven77"))
      #expect(await sandbox.hears() == .part("seven77"))
      try await client.send(Self.chunk(String(repeating: "x", count: Int(last) ?? 0)))
      if status == "202" { #expect(await sandbox.hears() == .part("xxx")) }
      try await client.send(Self.chunk("") + "\r\n")
      let answer = try await client.response()
      #expect(answer.statusLine.split(separator: " ")[1] == status)
      #expect(await sandbox.hears() == (status == "202" ? .streamed : .tooLarge))
      if status == "413" { #expect(answer.body.contains("Exceeded maximum allowed payload size (10 bytes).")) }
      // The sandbox stays usable.
      try await client.send(Call.next)
      #expect(await sandbox.hears() == .ready)
    }
  }

  enum BreakOff: CaseIterable { case close, halfClose, garbage }

  @Test(arguments: BreakOff.allCases) func `a response that breaks off ends the sandbox`(_ kind: BreakOff) async throws {
    try await withEvent { sandbox, client in
      var other = try await sandbox.client()
      try await other.send(FramingTests.ping)
      #expect(try await other.response().body == "pong")
      try await client.send(Self.head + Self.chunk("part"))
      #expect(await sandbox.hears() == .part("part"))
      switch kind {
      case .close: try await client.close()
      case .halfClose:
        try await client.closeOutput()
        #expect(await client.rest().contains("TruncatedHTTPRequest"))
      case .garbage:
        try await client.send("no length\r\n")
        #expect(await client.rest().hasPrefix("HTTP/1.1 400 "))
      }
      #expect(await sandbox.hears() == .truncated)
      #expect(await other.rest() == "")
    }
  }

  @Test func `a runtime whose caller has enough has to wait, and goes on later`() async throws {
    try await withEvent(.numbered(1, streamLimit: 1 << 30)) { sandbox, client in
      sandbox.delegate.takesAll.store(false, ordering: .relaxed)
      // More than the sockets' buffers take, so that it is written only if it is read.
      let size = 64 << 20
      try await client.send(Self.head + "\(String(size, radix: 16))\r\n")
      let writing = client.channel.eventLoop.makePromise(of: Void.self)
      client.channel.writeAndFlush(ByteBuffer(repeating: 120, count: size), promise: writing)
      var heard = try await Self.hearPart(&sandbox)
      try await Self.settle(sandbox)
      // What one read brought has been told; the rest waits in the sockets, however long.
      let unwritten = try await client.channel.getOption(.bufferedWritableBytes).get()
      #expect(unwritten > size / 2)
      try await Self.settle(sandbox)
      #expect(try await client.channel.getOption(.bufferedWritableBytes).get() == unwritten)

      sandbox.delegate.takesAll.store(true, ordering: .relaxed)
      try await sandbox.eventLoop.submit { [server = sandbox.server] in server.resumeStream() }.get()
      while heard < size { heard += try await Self.hearPart(&sandbox) }
      try await writing.futureResult.get()
      try await client.send("\r\n0\r\n\r\n")
      #expect(try await client.response().status == 202)
      #expect(await sandbox.hears() == .streamed)
    }
  }

  private static func hearPart(_ sandbox: inout Sandbox) async throws -> Int {
    guard case .part(let part)? = await sandbox.hears() else { throw Unexpected() }
    return part.utf8.count
  }
  private struct Unexpected: Error {}

  /// Long enough for both loops to read and write whatever they are going to: another connection asks a hundred times.
  private static func settle(_ sandbox: Sandbox) async throws {
    var other = try await sandbox.client()
    for _ in 0..<100 {
      try await other.send(FramingTests.ping)
      #expect(try await other.response().status == 200)
    }
    try await other.close()
  }

  @Test func `a second answer while one is streamed is refused`() async throws {
    try await withEvent { sandbox, client in
      try await client.send(Self.head + Self.chunk("part"))
      #expect(await sandbox.hears() == .part("part"))
      var other = try await sandbox.client()
      try await other.send(Call.error(Self.event, "late"))
      #expect(try await other.response().body == RuntimeAPITableTests.transition("InvocationResponse", "InvocationErrorResponse"))
      try await other.send(Call.next)
      #expect(try await other.response().body == RuntimeAPITableTests.transition("InvocationResponse", "Ready"))
      try await client.send("0\r\n\r\n")
      #expect(try await client.response().status == 202)
    }
  }

  @Test func `a tenant's event carries its id`() async throws {
    var event = Self.event
    event.tenantID = "blue"
    event.cognitoIdentity = #"{"cognitoIdentityId":"i"}"#
    try await Sandbox.serving { sandbox in
      try await sandbox.deliver(event)
      var client = try await sandbox.client()
      try await client.send(Call.next)
      let answer = try await client.response()
      #expect(answer["Lambda-Runtime-Aws-Tenant-Id"] == "blue")
      #expect(answer["Lambda-Runtime-Cognito-Identity"] == #"{"cognitoIdentityId":"i"}"#)
    }
  }
}
