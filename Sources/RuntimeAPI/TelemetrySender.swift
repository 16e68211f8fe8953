package import NIOCore
import NIOPosix

/// Makes a stream socket that is connected, or being connected, to a port of 127.0.0.1 inside the sandbox; its descriptor passes to the caller.
package typealias SubscriberConnection = @Sendable (_ port: Int) -> EventLoopFuture<CInt>

/// Carries batches to one subscriber, one at a time. The subscriber is the tenant's: it may answer never, or for ever, or with anything.
///
/// Over HTTP each batch has a connection of its own, and of the answer only the status counts. Over TCP there is one connection as long as it lasts.
final class TelemetrySender {
  /// What became of a batch.
  enum Outcome {
    case delivered
    /// Nobody took it; another attempt may.
    case refused
    /// A part of it may have been read, so that it cannot be sent again.
    case lost
  }

  private let destination: TelemetrySubscription.Destination
  private let eventLoop: any EventLoop
  private let connect: SubscriberConnection
  private var channel: (any Channel)?

  init(_ destination: TelemetrySubscription.Destination, on eventLoop: any EventLoop, connect: @escaping SubscriberConnection) {
    self.destination = destination
    self.eventLoop = eventLoop
    self.connect = connect
  }

  /// Sends one batch. The future does not end by itself where the subscriber does nothing: ``cut()`` ends it.
  func send(_ batch: TelemetryBuffer.Batch) -> EventLoopFuture<Outcome> {
    switch destination {
    case .http(let port, let path): post(batch.array, port: port, path: path)
    case .tcp(let port): write(batch.lines, port: port)
    }
  }

  /// Gives up what is under way.
  func cut() {
    channel?.close(promise: nil)
    channel = nil
  }

  private func post(_ body: ByteBuffer, port: Int, path: String) -> EventLoopFuture<Outcome> {
    cut()  // The last exchange is over, whatever more its server has to say.
    let answered = eventLoop.makePromise(of: Outcome.self)
    let handler = NIOLoopBound(StatusReader(answered), eventLoop: eventLoop)
    open(port, handler).assumeIsolated().whenComplete { result in
      switch result {
      case .failure: answered.succeed(.refused)
      case .success(let channel):
        self.channel = channel
        var head = ByteBuffer(
          string: "POST \(path) HTTP/1.1\r\nHost: sandbox.localdomain:\(port)\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.readableBytes)\r\nConnection: close\r\n\r\n")
        head.writeImmutableBuffer(body)
        channel.writeAndFlush(head, promise: nil)
      }
    }
    return answered.futureResult
  }

  private func write(_ lines: ByteBuffer, port: Int) -> EventLoopFuture<Outcome> {
    let written = eventLoop.makePromise(of: Outcome.self)
    if let channel, channel.isActive {
      write(lines, to: channel, written)
      return written.futureResult
    }
    let handler = NIOLoopBound(StatusReader(nil), eventLoop: eventLoop)
    open(port, handler).assumeIsolated().whenComplete { result in
      switch result {
      case .failure: written.succeed(.refused)
      case .success(let channel):
        self.channel = channel
        self.write(lines, to: channel, written)
      }
    }
    return written.futureResult
  }

  private func write(_ lines: ByteBuffer, to channel: any Channel, _ written: EventLoopPromise<Outcome>) {
    channel.writeAndFlush(lines).whenComplete { result in
      switch result {
      case .success: written.succeed(.delivered)
      case .failure: written.succeed(.lost)
      }
    }
  }

  private func open(_ port: Int, _ handler: NIOLoopBound<StatusReader>) -> EventLoopFuture<any Channel> {
    let eventLoop = eventLoop
    return connect(port).hop(to: eventLoop).flatMap { descriptor in
      ClientBootstrap(group: eventLoop)
        // The kernel's share of what waits.
        .channelOption(.socketOption(.so_sndbuf), value: 256 << 10)
        .channelOption(.allowRemoteHalfClosure, value: false)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(handler.value) }
        }
        .withConnectedSocket(descriptor)
    }
  }
}

/// Reads a status line and throws the rest away, up to a bound.
private final class StatusReader: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  /// What a server may say before its connection is cut.
  private static let limit = 64 << 10
  private static let lineLength = 12

  private var answered: EventLoopPromise<TelemetrySender.Outcome>?
  private var line: [UInt8] = []
  private var count = 0

  init(_ answered: EventLoopPromise<TelemetrySender.Outcome>?) {
    self.answered = answered
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data)
    count += bytes.readableBytes
    if line.count < Self.lineLength {
      line += bytes.readableBytesView.prefix(Self.lineLength - line.count)
      if line.count == Self.lineLength { answer(Self.outcome(line)) }
    }
    if count > Self.limit { context.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    answer(.refused)
  }

  private func answer(_ outcome: TelemetrySender.Outcome) {
    answered?.succeed(outcome)
    answered = nil
  }

  /// `HTTP/1.1 200`: a server that says that it failed is asked again; a redirect is an answer like any other.
  private static func outcome(_ line: [UInt8]) -> TelemetrySender.Outcome {
    line.starts(with: "HTTP/1.".utf8) && line[9] != UInt8(ascii: "5") ? .delivered : .refused
  }
}
