import NIOCore
import NIOPosix

/// A TCP connection that sends exactly the bytes it is given and reads responses as they are on the wire.
struct RawClient {
  let channel: any Channel
  private var incoming: AsyncStream<ByteBuffer>.Iterator
  private var unread = ByteBuffer()

  init(port: Int) async throws {
    let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
    channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Collector(continuation)) }
      }
      .connect(host: "127.0.0.1", port: port).get()
    incoming = stream.makeAsyncIterator()
  }

  func send(_ text: String) async throws {
    try await send(ByteBuffer(string: text))
  }

  func send(_ bytes: ByteBuffer) async throws {
    try await channel.writeAndFlush(bytes)
  }

  func closeOutput() async throws {
    try await channel.close(mode: .output)
  }

  func close() async throws {
    try await channel.close()
  }

  struct Response {
    var statusLine: String
    /// Names as sent.
    var fields: [(name: String, value: String)]
    var body: String
    var status: Int { Int(statusLine.split(separator: " ")[1]) ?? 0 }

    subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }
  }

  struct EndOfStream: Error {
    var unread: String
  }

  /// The next response; one that answers a HEAD has no body.
  mutating func response(headOnly: Bool = false) async throws -> Response {
    let head = try await readHead()
    var lines = head.split(separator: "\r\n").map(String.init)
    let statusLine = lines.removeFirst()
    let fields = lines.map { line in
      let colon = line.firstIndex(of: ":") ?? line.endIndex
      return (name: String(line[..<colon]), value: String(line[colon...].dropFirst(2)))
    }
    var response = Response(statusLine: statusLine, fields: fields, body: "")
    if !headOnly, let length = response["Content-Length"].flatMap({ Int($0) }) { response.body = try await read(length) }
    return response
  }

  /// Everything up to the server's end of the connection.
  mutating func rest() async -> String {
    while let more = await incoming.next() { unread.writeImmutableBuffer(more) }
    return String(buffer: unread)
  }

  private mutating func readHead() async throws -> String {
    var searched = 0
    while true {
      let view = unread.readableBytesView
      if let end = view.dropFirst(searched).firstHead() {
        let head = unread.readString(length: end - view.startIndex) ?? ""
        unread.moveReaderIndex(forwardBy: 4)
        return head
      }
      searched = max(0, view.count - 3)
      try await fill()
    }
  }

  private mutating func read(_ length: Int) async throws -> String {
    while unread.readableBytes < length { try await fill() }
    return unread.readString(length: length) ?? ""
  }

  private mutating func fill() async throws {
    guard let more = await incoming.next() else { throw EndOfStream(unread: String(buffer: unread)) }
    unread.writeImmutableBuffer(more)
  }

  private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let continuation: AsyncStream<ByteBuffer>.Continuation

    init(_ continuation: AsyncStream<ByteBuffer>.Continuation) {
      self.continuation = continuation
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      continuation.yield(unwrapInboundIn(data))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if case .some(.inputClosed) = event as? ChannelEvent { continuation.finish() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      continuation.finish()
      context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
      continuation.finish()
    }
  }
}

extension ByteBufferView {
  /// Where the empty line that ends a head begins.
  func firstHead() -> Int? {
    let end: [UInt8] = [13, 10, 13, 10]
    return indices.first { self[$0] == 13 && self[$0...].starts(with: end) }
  }
}
