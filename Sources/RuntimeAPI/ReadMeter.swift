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
/// it is the supervisor's memory. What one read brings is each connection's own: a sandbox that hoards must still hear its runtime's answer.
struct UnfinishedRequests {
  static let limit = 2 * RuntimeRequestDecoder.headerListLimit
  /// Bytes that each connection has beside the common limit: the largest read there is.
  static let free = 1 << 16

  private(set) var bytes = 0

  /// Counts what a connection that has `unfinished` bytes has now read.
  ///
  /// - Returns: Whether they are let in; they are counted in any case, until their connection ends or has sent something whole.
  mutating func add(_ count: Int, to unfinished: Int) -> Bool {
    let counted = Self.counted(unfinished + count) - Self.counted(unfinished)
    bytes += counted
    return counted == 0 || bytes <= Self.limit
  }

  /// A connection that had `unfinished` bytes has ended or sent something whole.
  mutating func remove(_ unfinished: Int) {
    bytes -= Self.counted(unfinished)
  }

  private static func counted(_ unfinished: Int) -> Int {
    max(0, unfinished - free)
  }
}
