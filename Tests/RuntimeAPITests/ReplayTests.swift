import NIOCore
import Testing

@testable import RuntimeAPI

/// Whole conversations of the official clients, with the framing that they were seen to use: two invocations, a failed one, and where the client can, a
/// streamed one.
@Suite(.timeLimit(.minutes(1))) struct ReplayTests {
  /// `{id}` is the invocation's and `{nonce}` the one that came with its event.
  struct Client: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var next: String
    var response: String
    var contentType: String?
    var error: String
    /// The type that the caller of a failed invocation should see classified.
    var errorType: String
    /// Head of a streamed response, up to the empty line.
    var stream: String?
    var reconnects = false
  }

  private static let api = "/2018-06-01/runtime/invocation"
  private static let failure = #"{"errorMessage":"no","errorType":"E"}"#
  private static let trailerNames = "Lambda-Runtime-Function-Error-Type"

  static let clients = [
    Client(
      testDescription: "swift-aws-lambda-runtime: names in lower case, Content-Length or chunks",
      next: "GET \(api)/next HTTP/1.1\r\nhost: 169.254.100.1:9001\r\nuser-agent: Swift-Lambda/2.0\r\n\r\n",
      response: "POST \(api)/{id}/response HTTP/1.1\r\nhost: 169.254.100.1:9001\r\nuser-agent: Swift-Lambda/2.0\r\n"
        + "lambda-runtime-invocation-id: {nonce}\r\ncontent-length: 11\r\n\r\n{\"ok\":true}",
      error: "POST \(api)/{id}/error HTTP/1.1\r\nhost: 169.254.100.1:9001\r\nuser-agent: Swift-Lambda/2.0\r\n"
        + "lambda-runtime-function-error-type: Unhandled\r\ncontent-length: 37\r\n\r\n\(failure)",
      errorType: "Runtime.Unknown",
      stream: "POST \(api)/{id}/response HTTP/1.1\r\nhost: 169.254.100.1:9001\r\nuser-agent: Swift-Lambda/2.0\r\n"
        + "lambda-runtime-function-response-mode: streaming\r\ntransfer-encoding: chunked\r\ntrailer: \(trailerNames.lowercased())\r\n\r\n"),
    Client(
      testDescription: "aws-lambda-go: always chunked, trailers declared",
      next: "GET \(api)/next HTTP/1.1\r\nHost: 169.254.100.1:9001\r\nUser-Agent: aws-lambda-go/go1.19\r\nAccept-Encoding: gzip\r\n\r\n",
      response: "POST \(api)/{id}/response HTTP/1.1\r\nHost: 169.254.100.1:9001\r\nUser-Agent: aws-lambda-go/go1.19\r\n"
        + "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n"
        + "Trailer: Lambda-Runtime-Function-Error-Body,Lambda-Runtime-Function-Error-Type\r\nAccept-Encoding: gzip\r\n\r\n"
        + "b\r\n{\"ok\":true}\r\n0\r\nLambda-Runtime-Function-Error-Body: \r\nLambda-Runtime-Function-Error-Type: \r\n\r\n",
      contentType: "application/json",
      error: "POST \(api)/{id}/error HTTP/1.1\r\nHost: 169.254.100.1:9001\r\nUser-Agent: aws-lambda-go/go1.19\r\n"
        + "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\nLambda-Runtime-Function-Xray-Error-Cause: {\"exceptions\":[]}\r\n"
        + "Trailer: Lambda-Runtime-Function-Error-Body,Lambda-Runtime-Function-Error-Type\r\nAccept-Encoding: gzip\r\n\r\n"
        + "25\r\n\(failure)\r\n0\r\n\r\n",
      errorType: "Runtime.Unknown",
      stream: "POST \(api)/{id}/response HTTP/1.1\r\nHost: 169.254.100.1:9001\r\nUser-Agent: aws-lambda-go/go1.19\r\n"
        + "Transfer-Encoding: chunked\r\nContent-Type: application/octet-stream\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n"
        + "Trailer: Lambda-Runtime-Function-Error-Body,Lambda-Runtime-Function-Error-Type\r\nAccept-Encoding: gzip\r\n\r\n"),
    Client(
      testDescription: "aws-lambda-rust-runtime: hyper's lower case, absolute-form host",
      next: "GET \(api)/next HTTP/1.1\r\nuser-agent: aws-lambda-rust/0.14.0\r\nhost: 169.254.100.1:9001\r\n\r\n",
      response: "POST \(api)/{id}/response HTTP/1.1\r\nuser-agent: aws-lambda-rust/0.14.0\r\nlambda-runtime-invocation-id: {nonce}\r\n"
        + "host: 169.254.100.1:9001\r\ncontent-length: 11\r\n\r\n{\"ok\":true}",
      error: "POST \(api)/{id}/error HTTP/1.1\r\nuser-agent: aws-lambda-rust/0.14.0\r\nlambda-runtime-function-error-type: unhandled\r\n"
        + "host: 169.254.100.1:9001\r\ncontent-length: 37\r\n\r\n\(failure)",
      errorType: "Runtime.Unknown",
      stream: "POST \(api)/{id}/response HTTP/1.1\r\nuser-agent: aws-lambda-rust/0.14.0\r\ntransfer-encoding: chunked\r\n"
        + "lambda-runtime-function-response-mode: streaming\r\ncontent-type: application/vnd.awslambda.http-integration-response\r\n"
        + "trailer: \(trailerNames)\r\ntrailer: Lambda-Runtime-Function-Error-Body\r\nhost: 169.254.100.1:9001\r\n\r\n"),
    Client(
      testDescription: "aws-lambda-cpp: libcurl, some names in lower case",
      next: "GET \(api)/next HTTP/1.1\r\nHost: 169.254.100.1:9001\r\nUser-Agent: AWS_Lambda_Cpp/0.2.10\r\nAccept: */*\r\n\r\n",
      response: "POST \(api)/{id}/response HTTP/1.1\r\nHost: 169.254.100.1:9001\r\nUser-Agent: AWS_Lambda_Cpp/0.2.10\r\nAccept: */*\r\n"
        + "content-type: application/json\r\nlambda-runtime-invocation-id: {nonce}\r\ncontent-length: 11\r\n\r\n{\"ok\":true}",
      contentType: "application/json",
      error: "POST \(api)/{id}/error HTTP/1.1\r\nHost: 169.254.100.1:9001\r\nUser-Agent: AWS_Lambda_Cpp/0.2.10\r\nAccept: */*\r\n"
        + "lambda-runtime-function-error-type: Function.Broken\r\ncontent-type: application/json\r\nlambda-runtime-invocation-id: {nonce}\r\n"
        + "content-length: 37\r\n\r\n\(failure)",
      errorType: "Function.Broken"),
    Client(
      testDescription: "Node's client: one agent for events, chunks with declared trailers",
      next: "GET \(api)/next HTTP/1.1\r\nHost: 169.254.100.1:9001\r\nUser-Agent: aws-lambda-nodejs/v20\r\nAccept: */*\r\n\r\n",
      response: "POST \(api)/{id}/response HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 11\r\nHost: 169.254.100.1:9001\r\n"
        + "Connection: keep-alive\r\n\r\n{\"ok\":true}",
      contentType: "application/json",
      error: "POST \(api)/{id}/error HTTP/1.1\r\nContent-Type: application/json\r\nLambda-Runtime-Function-Error-Type: Error\r\n"
        + "Lambda-Runtime-Function-XRay-Error-Cause: {}\r\nContent-Length: 37\r\nHost: 169.254.100.1:9001\r\nConnection: keep-alive\r\n\r\n\(failure)",
      errorType: "Runtime.Unknown",
      stream:
        "POST \(api)/{id}/response HTTP/1.1\r\nContent-Type: application/octet-stream\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n"
        + "Trailer: \(trailerNames)\r\nTrailer: Lambda-Runtime-Function-Error-Body\r\nHost: 169.254.100.1:9001\r\nConnection: close\r\n"
        + "Transfer-Encoding: chunked\r\n\r\n"),
    Client(
      testDescription: "Ruby's client and curl: a new connection for each request",
      next: "GET \(api)/next HTTP/1.1\r\nAccept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3\r\nAccept: */*\r\nUser-Agent: Ruby\r\n"
        + "Connection: close\r\nHost: 169.254.100.1:9001\r\n\r\n",
      response: "POST \(api)/{id}/response HTTP/1.1\r\nAccept: */*\r\nUser-Agent: Ruby\r\nConnection: close\r\nHost: 169.254.100.1:9001\r\n"
        + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\n{\"ok\":true}",
      contentType: "application/x-www-form-urlencoded",
      error: "POST \(api)/{id}/error HTTP/1.1\r\nLambda-Runtime-Function-Error-Type: Function<RuntimeError>\r\nConnection: close\r\n"
        + "Host: 169.254.100.1:9001\r\nContent-Length: 37\r\n\r\n\(failure)",
      errorType: "Runtime.Unknown", reconnects: true),
  ]

  /// One client's connections: the one it keeps, or one for each request.
  private struct Conversation {
    let sandbox: Sandbox
    let client: Client
    var connection: RawClient?
    var nonce = ""
    var id = ""

    mutating func exchange(_ request: String) async throws -> RawClient.Response {
      if client.reconnects { connection = nil }
      var open = if let connection { connection } else { try await sandbox.client() }
      try await open.send(request.replacing("{id}", with: id).replacing("{nonce}", with: nonce))
      let response = try await open.response()
      if client.reconnects { #expect(await open.rest() == "") }
      connection = open
      return response
    }

    mutating func takeEvent(_ event: RuntimeEvent) async throws {
      try await sandbox.deliver(event)
      let response = try await exchange(client.next)
      #expect(response.status == 200 && response.body == #"{"n":1}"#)
      id = try #require(response["Lambda-Runtime-Aws-Request-Id"])
      nonce = try #require(response["Lambda-Runtime-Invocation-Id"])
      #expect(id == event.requestID && response["Lambda-Runtime-Trace-Id"] == event.traceID)
    }
  }

  @Test(arguments: clients) func `a conversation goes as it does on Lambda`(client: Client) async throws {
    try await Sandbox.serving { sandbox in
      var conversation = Conversation(sandbox: sandbox, client: client)
      for number in 1...2 {
        try await conversation.takeEvent(.numbered(number))
        #expect(try await conversation.exchange(client.response).status == 202)
        #expect(await sandbox.hears() == .response(#"{"ok":true}"#, contentType: client.contentType))
      }
      try await conversation.takeEvent(.numbered(3))
      #expect(try await conversation.exchange(client.error).status == 202)
      #expect(await sandbox.hears() == .error(Self.failure, type: client.errorType))
    }
  }

  @Test(arguments: clients.filter { $0.stream != nil }, [true, false])
  func `a streamed response goes to who wants it so, and else in one piece`(client: Client, wantsStream: Bool) async throws {
    let stream = try #require(client.stream)
    let event = RuntimeEvent.numbered(1, streamLimit: wantsStream ? 1_000 : nil)
    try await Sandbox.serving { sandbox in
      var conversation = Conversation(sandbox: sandbox, client: client)
      try await conversation.takeEvent(event)
      let whole = stream + StreamingTests.chunk("one") + StreamingTests.chunk("two") + StreamingTests.end("", "")
      #expect(try await conversation.exchange(whole).status == 202)
      if wantsStream {
        #expect(await sandbox.hears() == .part("one"))
        #expect(await sandbox.hears() == .part("two"))
        #expect(await sandbox.hears() == .streamed)
      } else {
        let type = stream.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-type: ") }?.dropFirst(14)
        #expect(await sandbox.hears() == .response("onetwo", contentType: type.map(String.init)))
      }
      // One that closed its connection after it opens another.
      if stream.contains("Connection: close") { conversation.connection = nil }
      try await conversation.takeEvent(.numbered(2))
      #expect(try await conversation.exchange(client.response).status == 202)
    }
  }
}
