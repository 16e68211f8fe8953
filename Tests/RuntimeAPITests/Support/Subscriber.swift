import NIOCore
import NIOPosix
import Synchronization

/// A program that takes telemetry at a port of its own.
struct Subscriber {
  let port: Int
  let connections: AsyncStream<Connection>
  private let channel: any Channel
  private let count: Counter

  private final class Counter: Sendable {
    let value = Atomic(0)
  }

  var accepted: Int { count.value.load(ordering: .relaxed) }

  init(isReading: Bool = true) async throws {
    let (stream, continuation) = AsyncStream.makeStream(of: Connection.self)
    let count = Counter()
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelOption(.autoRead, value: isReading)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          count.value.add(1, ordering: .relaxed)
          let (bytes, inside) = AsyncStream.makeStream(of: ByteBuffer.self)
          try channel.pipeline.syncOperations.addHandler(Reader(inside))
          continuation.yield(Connection(channel: channel, bytes: bytes))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    connections = stream
    self.count = count
    port = channel.localAddress?.port ?? 0
  }

  func close() async throws {
    try await channel.close()
  }

  final class Connection: Sendable {
    let channel: any Channel
    private let bytes: AsyncStream<ByteBuffer>
    private let unread = Mutex("")

    init(channel: any Channel, bytes: AsyncStream<ByteBuffer>) {
      self.channel = channel
      self.bytes = bytes
    }

    struct Ended: Error {
      var unread: String
    }

    /// Reads up to and with `text`.
    func waits(for text: String) async throws {
      try await upTo { unread in
        guard let range = unread.firstRange(of: text) else {
          // No part of it is searched twice.
          unread = String(unread.suffix(text.count))
          return false
        }
        unread.removeSubrange(..<range.upperBound)
        return true
      }
    }

    /// Reads so many bytes.
    func skips(_ count: Int) async throws {
      try await upTo { unread in
        guard unread.utf8.count >= count else { return false }
        unread = String(unread.utf8.dropFirst(count)) ?? ""
        return true
      }
    }

    func request() async throws -> (head: String, body: String) {
      let found = Mutex((head: "", body: ""))
      try await upTo { unread in
        guard let end = unread.firstRange(of: "\r\n\r\n") else { return false }
        let head = String(unread[..<end.upperBound])
        guard let field = head.firstRange(of: "Content-Length: "), let length = Int(head[field.upperBound...].prefix { $0.isNumber }),
          unread[end.upperBound...].utf8.count >= length
        else { return false }
        let body = String(decoding: unread[end.upperBound...].utf8.prefix(length), as: UTF8.self)
        found.withLock { $0 = (head, body) }
        return true
      }
      return found.withLock { $0 }
    }

    func answer(_ text: String) async throws {
      // A peer that has heard enough closes before the end.
      channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
    }

    /// For one that did not read from the start.
    func readOn() {
      channel.setOption(.autoRead, value: true).whenSuccess { self.channel.read() }
    }

    private func upTo(_ isThere: @Sendable (inout String) -> Bool) async throws {
      if unread.withLock({ isThere(&$0) }) { return }
      for await more in bytes {
        let done = unread.withLock {
          $0 += String(buffer: more)
          return isThere(&$0)
        }
        if done { return }
      }
      throw Ended(unread: unread.withLock { String($0.prefix(1_000)) })
    }
  }

  private final class Reader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let continuation: AsyncStream<ByteBuffer>.Continuation

    init(_ continuation: AsyncStream<ByteBuffer>.Continuation) {
      self.continuation = continuation
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      continuation.yield(unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) {
      continuation.finish()
    }
  }
}
