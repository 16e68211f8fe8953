import Logging
import NIOCore
import NIOEmbedded

@testable import RuntimeAPI

/// What tenant code sends to the Runtime API, with the real decoder before it and no socket: whatever it is, another connection is answered,
/// and nothing that the sandbox has sent is still counted when its connection has ended.
enum RuntimeRequestTarget: FuzzTarget {
  static let name = "runtime-request"

  static let seeds: [[UInt8]] = [
    "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1:9001\r\n\r\n",
    next + "POST \(invocation)/response HTTP/1.1\r\nContent-Length: 11\r\nContent-Type: application/json\r\n\r\n{\"ok\":true}",
    next
      + "POST \(invocation)/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: a\r\n\r\nA;ext=1\r\n{\"ok\":true\r\n1\r\n}\r\n0\r\na: \r\n\r\n"
      + next,
    next + "POST \(invocation)/error HTTP/1.0\r\nConnection: keep-alive\r\n\(type): Function.Bad\r\nContent-Length: 2\r\n\r\n{}",
    next + "POST \(invocation)/error HTTP/1.1\r\nContent-Type: application/vnd.aws.lambda.error.cause+json\r\nContent-Length: 40\r\n\r\n"
      + #"{"errorMessage":"m","errorType":"t.Type"}"#,
    next + "POST \(invocation)/response HTTP/1.1\r\nLambda-Runtime-Function-Response-Mode: streaming\r\nContent-Length: 0\r\n\r\n",
    "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nExpect: 100-continue\r\n\(type): Runtime.X\r\nContent-Length: 2\r\n\r\n{}",
    "GET /2018-06-01/ping HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nHEAD / HTTP/1.1\r\n\r\n",
    next
      + "POST \(invocation)/response HTTP/1.1\r\nLambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\nTrailer: \(type)\r\n\r\n"
      + "3\r\none\r\n3\r\ntwo\r\n0\r\n\(type): Function.Late\r\nLambda-Runtime-Function-Error-Body: e30=\r\n\r\n" + next,
    register + next,
    register + "GET /2020-01-01/extension/event/next HTTP/1.1\r\nLambda-Extension-Identifier: \(requestID)\r\n\r\n",
  ].flatMap { [[40] + Array($0.utf8), [41] + Array($0.utf8)] }

  static let words = [
    "GET ", "POST ", "HEAD ", "CONNECT ", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "\r\n\r\n", "Content-Length: ",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip\r\n", "Connection: close\r\n", "Upgrade: h2c\r\n", "Expect: 100-continue\r\n", "0\r\n\r\n",
    "18446744073709551616",
    "/2018-06-01/runtime/invocation/next", "/2018-06-01/runtime/invocation/", "/response", "/error", "/2018-06-01/runtime/init/error",
    "Lambda-Runtime-Function-Response-Mode: ", "Lambda-Runtime-Invocation-Id: ", "\(type): ", requestID,
    "/2020-01-01/extension/register", "/2020-01-01/extension/event/next", "Lambda-Extension-Identifier: ", "Lambda-Extension-Name: ",
  ]

  private static let requestID = "11111111-2222-4333-8444-555555555555"
  private static let invocation = "/2018-06-01/runtime/invocation/\(requestID)"
  private static let next = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n"
  private static let register =
    "POST /2020-01-01/extension/register HTTP/1.1\r\nLambda-Extension-Name: e\r\nContent-Length: 30\r\n\r\n"
    + #"{"events":["INVOKE"],"a":[{}]}"#
  private static let type = "Lambda-Runtime-Function-Error-Type"

  static func run(_ bytes: [UInt8]) {
    let hearer = Hearer()
    let loop = EmbeddedEventLoop()
    let session = RuntimeSession(
      delegate: hearer,
      function: RegisteredFunction(
        name: "f", version: "1", handler: "h", account: "0", externalExtensions: ["e"],
        metadata: EnvironmentMetadata(token: requestID, availabilityZoneID: "z")),
      telemetry: TelemetrySession(on: loop) { _ in loop.makeFailedFuture(ChannelError.eof) },
      logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() })
    // The first byte says where the rest is cut in two, and, odd, that the caller takes a stream.
    let cut = Int(bytes.first ?? 0)
    session.deliver(
      RuntimeEvent(
        requestID: requestID, deadline: 0, invokedFunctionARN: "arn", traceID: "Root=1", payload: ByteBuffer(string: "{}"),
        streamLimit: cut % 2 == 1 ? 64 : nil))
    do {
      let channel = try connection(to: session)
      for piece in [bytes.dropFirst().prefix(cut), bytes.dropFirst(cut + 1)] where !piece.isEmpty && channel.isActive {
        receive(ByteBuffer(bytes: piece), channel)
      }
      channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
      channel.embeddedEventLoop.run()
      channel.embeddedEventLoop.advanceTime(by: .seconds(2))
      if channel.isActive { channel.close(promise: nil) }
      channel.embeddedEventLoop.run()
      must(session.unfinished.bytes == 0, "bytes of a connection that has ended are counted")
      // Only the runtime's wish for a mode that there is not, and a stream that breaks off, end the server.
      if !hearer.isOver { try expectAnswer(session) }
    } catch { fault("\(error)") }
  }

  private static func connection(to session: RuntimeSession) throws -> EmbeddedChannel {
    let channel = EmbeddedChannel()
    channel.allowRemoteHalfClosure = true
    // What a socket would say of itself.
    try channel.setOption(.socketOption(.so_error), value: 0).wait()
    try channel.setOption(.bufferedWritableBytes, value: 0).wait()
    guard let connection = session.makeConnection() else { fault("no connection") }
    try channel.pipeline.syncOperations.addHandlers([ReadMeter(connection), RuntimeRequestDecoder.handler(), connection])
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 9001)).wait()
    return channel
  }

  private static func receive(_ bytes: ByteBuffer, _ channel: EmbeddedChannel) {
    channel.pipeline.fireChannelRead(bytes)
    channel.pipeline.fireChannelReadComplete()
    channel.embeddedEventLoop.run()
  }

  private static func expectAnswer(_ session: RuntimeSession) throws {
    let channel = try connection(to: session)
    receive(ByteBuffer(string: "GET /2018-06-01/ping HTTP/1.1\r\n\r\n"), channel)
    let answer = try channel.readOutbound(as: ByteBuffer.self)
    must(String(buffer: answer ?? ByteBuffer()).hasPrefix("HTTP/1.1 200 OK\r\n"), "another connection is not answered")
    channel.close(promise: nil)
    channel.embeddedEventLoop.run()
  }

  /// Hears one answer at most to one event.
  private final class Hearer: RuntimeAPIDelegate, @unchecked Sendable {  // on one thread only
    private(set) var isOver = false
    private var answers = 0

    func runtimeIsReady() {}

    func runtimeAnswered(_ answer: RuntimeAnswer) {
      answers += 1
      must(answers == 1, "two answers to one event")
      switch answer {
      case .invalidResponseMode, .truncated: isOver = true
      case .response, .streamed, .error, .tooLarge: break
      }
    }

    func runtimeStreamed(_ part: ByteBuffer, contentType: String?) -> Bool {
      must(answers == 0, "a part of a stream that has ended")
      return true
    }

    func runtimeFailedToInitialize(_ error: RuntimeInitError) {}

    func extensionTold(_ notice: ExtensionNotice) {}
  }
}
