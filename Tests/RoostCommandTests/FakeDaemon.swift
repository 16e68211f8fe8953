import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A daemon that knows its answers beforehand, on the admin socket of a temporary state directory.
final class FakeDaemon: Sendable {
  struct Answer: Sendable {
    var status = 200
    var headers: [String: String] = [:]
    var body = ""
  }

  struct Request: Sendable, Hashable {
    var line: String
    var headers: [String: String]
    var body: String
  }

  let stateDirectory: String
  /// By method and target, as in `GET /admin/host`. Each key's answers are given one after the other, the last for ever.
  private let answers: Mutex<[String: [Answer]]>
  private let received = Mutex<[Request]>([])

  var requests: [Request] { received.withLock { $0 } }
  var requestLines: [String] { requests.map(\.line) }

  private init(_ answers: [String: [Answer]], stateDirectory: String) {
    self.answers = Mutex(answers)
    self.stateDirectory = stateDirectory
  }

  /// Serves while `body` runs and takes everything away afterwards, pass or fail.
  static func serving<Value: Sendable>(
    _ answers: [String: [Answer]], _ body: (FakeDaemon) async throws -> Value
  ) async throws -> Value {
    try await withTemporaryDirectory { directory in
      let daemon = FakeDaemon(answers, stateDirectory: directory)
      try FileManager.default.createDirectory(atPath: "\(directory)/run", withIntermediateDirectories: false)
      let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.configureHTTPServerPipeline()
            try channel.pipeline.syncOperations.addHandler(Handler(daemon: daemon))
          }
        }
        .bind(unixDomainSocketPath: "\(directory)/run/admin.sock").get()
      do {
        let value = try await body(daemon)
        try await channel.close()
        return value
      } catch {
        try await channel.close()
        throw error
      }
    }
  }

  fileprivate func answer(_ request: Request) -> Answer {
    received.withLock { $0.append(request) }
    return answers.withLock { answers in
      guard var known = answers[request.line], let first = known.first else {
        return Answer(status: 404, body: #"{"message":"the fake daemon has no answer to \#(request.line)"}"#)
      }
      if known.count > 1 { known.removeFirst() }
      answers[request.line] = known
      return first
    }
  }
}

private final class Handler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let daemon: FakeDaemon
  private var head: HTTPRequestHead?
  private var body = ByteBuffer()

  init(daemon: FakeDaemon) { self.daemon = daemon }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): self.head = head
    case .body(var chunk): body.writeBuffer(&chunk)
    case .end: answer(context)
    }
  }

  private func answer(_ context: ChannelHandlerContext) {
    guard let head else { return }
    let headers = Dictionary(head.headers.map { ($0.name, $0.value) }) { first, _ in first }
    let answer = daemon.answer(.init(line: "\(head.method) \(head.uri)", headers: headers, body: String(buffer: body)))
    var responseHead = HTTPResponseHead(version: .http1_1, status: .init(statusCode: answer.status))
    for (name, value) in answer.headers { responseHead.headers.add(name: name, value: value) }
    responseHead.headers.add(name: "Content-Length", value: String(answer.body.utf8.count))
    context.write(wrapOutboundOut(.head(responseHead)), promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }
}

/// A directory of its own, short enough for a socket's path, removed afterwards with all that is in it.
func withTemporaryDirectory<Value: Sendable>(_ body: (String) async throws -> Value) async throws -> Value {
  let path = "/tmp/roost-test-\(UUID().uuidString.prefix(8))"
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  do {
    let value = try await body(path)
    try FileManager.default.removeItem(atPath: path)
    return value
  } catch {
    try FileManager.default.removeItem(atPath: path)
    throw error
  }
}
