import NIOCore

/// Stands before the HTTP decoder, which keeps what is no whole part yet, and lets through what the session has room for.
final class ReadMeter: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private let connection: RuntimeConnection

  init(_ connection: RuntimeConnection) {
    self.connection = connection
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if connection.admits(unwrapInboundIn(data).readableBytes) { context.fireChannelRead(data) }
  }
}

/// Bytes that the connections of one sandbox have sent and that no request has taken yet: unfinished heads, chunk sizes and trailers, and what is
/// pipelined behind a waiting `/next`.
///
/// A head may have a megabyte, because official clients send such; the sandbox's connections together may have two of them under way, for all of
/// it is the supervisor's memory.
struct UnfinishedRequests {
  static let limit = 2 * RuntimeRequestDecoder.headerListLimit

  private(set) var bytes = 0

  /// Whether they are let in; they are counted in any case, until their connection ends or has sent something whole.
  mutating func add(_ count: Int) -> Bool {
    bytes += count
    return bytes <= Self.limit
  }

  mutating func remove(_ count: Int) {
    bytes -= count
  }
}
