import NIOCore
import Testing

@testable import RuntimeAPI

/// HTTP/1.1 as the real clients speak it, and as they do not.
@Suite(.timeLimit(.minutes(1))) struct FramingTests {
  static let event = RuntimeEvent.numbered(1)
  static let responsePath = "/2018-06-01/runtime/invocation/\(event.requestID)/response"

  /// What a client sends after it has its event, and the body that the caller should get.
  struct ClientRow: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var request: String
    var body = #"{"ok":true}"#
    var contentType: String? = "application/json"
  }

  static let clients: [ClientRow] = [
    ClientRow(
      testDescription: "go: chunked, trailers declared and sent",
      request: "POST \(responsePath) HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser-Agent: aws-lambda-go/go1.19\r\nTransfer-Encoding: chunked\r\n"
        + "Content-Type: application/json\r\nTrailer: Lambda-Runtime-Function-Error-Type,Lambda-Runtime-Function-Error-Body\r\n"
        + "Accept-Encoding: gzip\r\n\r\nb\r\n{\"ok\":true}\r\n0\r\nLambda-Runtime-Function-Error-Type: \r\n"
        + "Lambda-Runtime-Function-Error-Body: \r\n\r\n"),
    ClientRow(
      testDescription: "go: chunked, trailers declared and left out",
      request: "POST \(responsePath) HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n"
        + "Trailer: Lambda-Runtime-Function-Error-Type\r\n\r\n1\r\n{\r\nA;ext=1\r\n\"ok\":true}\r\n0\r\n\r\n"),
    ClientRow(
      testDescription: "libcurl clients: Content-Length, some names in lower case",
      request: "POST \(responsePath) HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser-Agent: AWS_Lambda_Cpp/0.2.6\r\nAccept: */*\r\n"
        + "content-type: application/json\r\nlambda-runtime-invocation-id: {nonce}\r\nContent-Length: 11\r\n\r\n{\"ok\":true}"),
    ClientRow(
      testDescription: "swift and rust: all names in lower case",
      request: "POST \(responsePath) HTTP/1.1\r\nhost: 127.0.0.1:9001\r\nuser-agent: x\r\ncontent-length: 11\r\n"
        + "lambda-runtime-invocation-id: {nonce}\r\n\r\n{\"ok\":true}", contentType: nil),
    ClientRow(
      testDescription: "curl: form content type",
      request:
        "POST \(responsePath) HTTP/1.1\r\nHost: 169.254.100.1:9001\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\nContent-Length: 11\r\n"
        + "Content-Type: application/x-www-form-urlencoded\r\n\r\n{\"ok\":true}", contentType: "application/x-www-form-urlencoded"),
    ClientRow(
      testDescription: "ruby: Connection: close",
      request: "POST \(responsePath) HTTP/1.1\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{\"ok\":true}",
      contentType: nil),
  ]

  @Test(arguments: clients, [true, false]) func `a response arrives as this client sends it`(row: ClientRow, keepsConnection: Bool)
    async throws
  {
    try await Sandbox.serving { sandbox in
      try await sandbox.deliver(Self.event)
      var client = try await sandbox.client()
      try await client.send(Call.next)
      let nonce = try #require(try await client.response()["Lambda-Runtime-Invocation-Id"])
      if !keepsConnection {
        try await client.close()
        client = try await sandbox.client()
      }
      try await client.send(row.request.replacing("{nonce}", with: nonce))
      #expect(try await client.response().statusLine == "HTTP/1.1 202 Accepted")
      #expect(await sandbox.hears() == .response(row.body, contentType: row.contentType))
    }
  }

  @Test(arguments: clients) func `a response may come one byte at a time`(row: ClientRow) async throws {
    try await Sandbox.serving { sandbox in
      try await sandbox.deliver(Self.event)
      var client = try await sandbox.client()
      try await client.send(Call.next)
      let nonce = try #require(try await client.response()["Lambda-Runtime-Invocation-Id"])
      for byte in row.request.replacing("{nonce}", with: nonce).utf8 { try await client.send(ByteBuffer(bytes: [byte])) }
      #expect(try await client.response().status == 202)
      #expect(await sandbox.hears() == .response(row.body, contentType: row.contentType))
    }
  }

  /// Requests on an idle sandbox whose answer ends the connection or says that it stays.
  struct ConnectionRow: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var request: String
    /// All that comes back until the end of the stream.
    var answer: String
    /// Whether the client must end the connection itself.
    var stays = false
  }

  static func pong(_ connection: String = "") -> String {
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n\(connection)\r\npong"
  }
  static let ping = "GET /2018-06-01/ping HTTP/1.1\r\n\r\n"
  static let headersTooLarge =
    "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 35\r\nConnection: close\r\n\r\n"
    + "431 Request Header Fields Too Large"
  static let malformed =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 15\r\nConnection: close\r\n\r\n400 Bad Request"

  static let connections: [ConnectionRow] = [
    ConnectionRow(testDescription: "HTTP/1.1 stays", request: ping, answer: pong(), stays: true),
    ConnectionRow(
      testDescription: "Connection: close", request: "GET /2018-06-01/ping HTTP/1.1\r\nconnection: Close\r\n\r\n",
      answer: pong("Connection: close\r\n")),
    ConnectionRow(
      testDescription: "HTTP/1.0 closes", request: "GET /2018-06-01/ping HTTP/1.0\r\n\r\n", answer: pong("Connection: close\r\n")),
    ConnectionRow(
      testDescription: "HTTP/1.0 stays if asked", request: "GET /2018-06-01/ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      answer: pong("Connection: keep-alive\r\n"), stays: true),
    ConnectionRow(
      testDescription: "pipelined requests in order", request: ping + "GET /no HTTP/1.1\r\n\r\n" + ping,
      answer: pong() + "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 19\r\n\r\n404 page not found\n"
        + pong(),
      stays: true),
    ConnectionRow(
      testDescription: "nothing after Connection: close", request: "GET /2018-06-01/ping HTTP/1.1\r\nConnection: close\r\n\r\n" + ping,
      answer: pong("Connection: close\r\n")),
    ConnectionRow(
      testDescription: "HEAD has no body", request: "HEAD /no HTTP/1.1\r\n\r\n" + ping,
      answer: "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 19\r\n\r\n" + pong(), stays: true),
    ConnectionRow(
      testDescription: "Expect: 100-continue", request: "POST /no HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\nab",
      answer: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 19\r\n\r\n"
        + "404 page not found\n", stays: true),
    ConnectionRow(
      testDescription: "an upgrade is not granted",
      request: "GET /2018-06-01/ping HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + ping,
      answer: pong("Connection: close\r\n")),
    ConnectionRow(
      testDescription: "CONNECT", request: "CONNECT example.org:80 HTTP/1.1\r\n\r\n",
      answer:
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 19\r\nConnection: close\r\n\r\n404 page not found\n"
    ),
    ConnectionRow(testDescription: "garbage", request: "\u{1}\u{2}garbage\r\n\r\n", answer: malformed),
    ConnectionRow(testDescription: "garbage after a request", request: ping + "garbage\r\n\r\n", answer: pong() + malformed),
    ConnectionRow(testDescription: "HTTP/2", request: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", answer: malformed),
    ConnectionRow(testDescription: "HTTP/3.7", request: "GET / HTTP/3.7\r\n\r\n", answer: malformed),
    ConnectionRow(
      testDescription: "two lengths", request: "POST /no HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", answer: malformed),
    ConnectionRow(
      testDescription: "a length and chunks",
      request: "POST /no HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      answer: malformed),
    ConnectionRow(
      testDescription: "too many header fields", request: "GET /no HTTP/1.1\r\n" + String(repeating: "a: b\r\n", count: 300) + "\r\n",
      answer: headersTooLarge),
    ConnectionRow(
      testDescription: "a header field over the limit",
      request: "GET /no HTTP/1.1\r\na: " + String(repeating: "b", count: 1_100_000) + "\r\n\r\n",
      answer: headersTooLarge),
    ConnectionRow(
      testDescription: "an X-Ray cause of a megabyte",
      request: "GET /2018-06-01/ping HTTP/1.1\r\nlambda-runtime-function-xray-error-cause: " + String(repeating: "b", count: 1_048_575)
        + "\r\n\r\n",
      answer: pong(), stays: true),
  ]

  @Test(arguments: connections) func `a connection's answers and end are`(row: ConnectionRow) async throws {
    try await Sandbox.serving { sandbox in
      var client = try await sandbox.client()
      try await client.send(row.request)
      if row.stays {
        try await client.send("GET /2018-06-01/ping HTTP/1.1\r\nConnection: close\r\n\r\n")
        #expect(await client.rest() == row.answer + Self.pong("Connection: close\r\n"))
      } else {
        #expect(await client.rest() == row.answer)
      }
    }
  }

  @Test func `heads under way on all connections of a sandbox have two megabytes together`() async throws {
    try await Sandbox.serving { sandbox in
      let head = "GET /2018-06-01/ping HTTP/1.1\r\na: " + String(repeating: "b", count: UnfinishedRequests.limit / 3)
      let first = try await Self.firstEnd(of: [head, head, head, head], sandbox)
      #expect(first == Self.headersTooLarge)
    }
  }

  @Test func `who piles up too much behind a waiting next is cut off`() async throws {
    try await Sandbox.serving { sandbox in
      let pile = Call.next + "GET /2018-06-01/ping HTTP/1.1\r\na: " + String(repeating: "b", count: UnfinishedRequests.limit / 3)
      let first = try await Self.firstEnd(of: [pile, pile, pile, pile], sandbox)
      #expect(first == "")
    }
  }

  @Test func `a sandbox that hoards hears its runtime's requests all the same`() async throws {
    try await Sandbox.serving { sandbox in
      let head =
        "GET /2018-06-01/ping HTTP/1.1\r\na: " + String(repeating: "b", count: UnfinishedRequests.limit / 3 + UnfinishedRequests.free - 200)
      let hoarders = [try await sandbox.client(), try await sandbox.client(), try await sandbox.client()]
      for hoarder in hoarders { try await hoarder.send(head) }
      var client = try await sandbox.client()
      try await client.send(
        "GET /2018-06-01/ping HTTP/1.1\r\na: " + String(repeating: "b", count: UnfinishedRequests.free - 100) + "\r\n\r\n")
      #expect(try await client.response().body == "pong")
    }
  }

  @Test func `a head that is whole makes room for the next one`() async throws {
    try await Sandbox.serving { sandbox in
      var client = try await sandbox.client()
      for _ in 0..<5 {
        try await client.send(
          "GET /2018-06-01/ping HTTP/1.1\r\na: " + String(repeating: "b", count: UnfinishedRequests.limit / 3) + "\r\n\r\n")
        #expect(try await client.response().body == "pong")
      }
    }
  }

  /// Sends each on a connection of its own, and returns what the one got that the server ended first.
  private static func firstEnd(of requests: [String], _ sandbox: Sandbox) async throws -> String? {
    try await withThrowingTaskGroup(of: String.self) { group in
      for request in requests {
        group.addTask { [port = sandbox.port] in
          var client = try await RawClient(port: port)
          try await client.send(request)
          return await client.rest()
        }
      }
      defer { group.cancelAll() }  // the server ends the other connections when it is closed
      return try await group.next()
    }
  }

  @Test func `garbage behind a waiting next is answered after it`() async throws {
    try await Sandbox.serving { sandbox in
      var client = try await sandbox.client()
      try await client.send(Call.next + "garbage\r\n\r\n")
      #expect(await sandbox.hears() == .ready)
      try await sandbox.deliver(Self.event)
      #expect(try await client.response().body == #"{"n":1}"#)
      #expect(await client.rest() == Self.malformed)
    }
  }

  @Test func `requests behind a waiting next are answered after it, in order`() async throws {
    try await Sandbox.serving { sandbox in
      var client = try await sandbox.client()
      try await client.send(Call.next + Call.response(Self.event, "1") + Self.ping + Call.next)
      #expect(await sandbox.hears() == .ready)
      try await client.send(Self.ping)
      try await sandbox.deliver(Self.event)
      #expect(try await client.response().body == #"{"n":1}"#)
      #expect(try await client.response().status == 202)
      #expect(await sandbox.hears() == .response("1", contentType: nil))
      #expect(try await client.response().body == "pong")
      #expect(await sandbox.hears() == .ready)
      try await sandbox.deliver(.numbered(2, payload: "second"))
      #expect(try await client.response().body == "second")
      #expect(try await client.response().body == "pong")
    }
  }

  @Test func `a request cut short by half a close is told so`() async throws {
    try await Sandbox.serving { sandbox in
      try await sandbox.deliver(Self.event)
      var client = try await sandbox.client()
      try await client.send(Call.next)
      #expect(try await client.response().status == 200)
      try await client.send("POST \(Self.responsePath) HTTP/1.1\r\nContent-Length: 12\r\n\r\nshort")
      try await client.closeOutput()
      let answer = await client.rest()
      #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
      #expect(answer.hasSuffix("{\"errorMessage\":\"HTTP request detected as truncated\",\"errorType\":\"TruncatedHTTPRequest\"}\n"))
      var retry = try await sandbox.client()
      try await retry.send(Call.response(Self.event, "whole"))
      #expect(try await retry.response().status == 202)
      #expect(await sandbox.hears() == .response("whole", contentType: nil))
    }
  }

  @Test func `a slow peer delays no other`() async throws {
    try await Sandbox.serving { sandbox in
      try await sandbox.deliver(Self.event)
      var slow = try await sandbox.client()
      try await slow.send("POST /2018-06-01/runtime/init/error HTTP/1.1\r\nContent-Le")
      var client = try await sandbox.client()
      try await client.send(Call.next)
      #expect(try await client.response().status == 200)
      try await client.send(Call.response(Self.event, "1"))
      #expect(await sandbox.hears() == .response("1", contentType: nil))
      try await slow.send("ngth: 0\r\n\r\n")
      #expect(try await slow.response().status == 403)
    }
  }
}
