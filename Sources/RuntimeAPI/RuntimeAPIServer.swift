package import FunctionModel
package import Logging
package import NIOCore
import NIOHTTP1
import NIOPosix

/// The Runtime API of one sandbox, served on a listening socket that was made inside it.
///
/// Belongs to one event loop: every method is called on it, and every call of the delegate is made on it.
package final class RuntimeAPIServer: Sendable {
  private let eventLoop: any EventLoop
  private let listener: any Channel
  private let session: NIOLoopBound<RuntimeSession>

  private init(listener: any Channel, session: NIOLoopBound<RuntimeSession>) {
    self.eventLoop = session.eventLoop
    self.listener = listener
    self.session = session
  }

  /// Starts to accept on a stream socket that listens already.
  ///
  /// Fails with what the kernel answered if the descriptor is no such socket.
  ///
  /// - Parameters:
  ///   - listener: the descriptor, whose ownership passes; listen(2) was called on it.
  ///   - eventLoop: serves the listener and all its connections.
  ///   - delegate: held until the server closes.
  ///   - function: what extensions are told, and which of them will be started.
  ///   - subscribers: connects to those who subscribe to telemetry.
  package static func serve(
    listener: CInt, on eventLoop: any EventLoop, delegate: any RuntimeAPIDelegate, function: RegisteredFunction,
    subscribers: @escaping SubscriberConnection, logger: Logger
  ) -> EventLoopFuture<RuntimeAPIServer> {
    eventLoop.flatSubmit {
      let telemetry = TelemetrySession(on: eventLoop, connect: subscribers)
      let session = NIOLoopBound(
        RuntimeSession(delegate: delegate, function: function, telemetry: telemetry, logger: logger), eventLoop: eventLoop)
      return bootstrap(session, logger).withBoundSocket(listener).map { RuntimeAPIServer(listener: $0, session: session) }
    }
  }

  /// Gives the runtime its next event, and with it an INVOKE event to the extensions that want one: at once to those who wait, else as soon as they
  /// ask.
  ///
  /// One at a time: a second event before the first is answered is a broken promise of the caller and traps. After ``close()`` it does nothing.
  package func deliver(_ event: RuntimeEvent) {
    session.value.deliver(event)
  }

  /// Gives a SHUTDOWN event to the external extensions that subscribed to it; each that goes on to exit is done.
  ///
  /// - Parameter deadline: milliseconds since 1970.
  package func shutDown(_ reason: ShutdownReason, deadline: Int64) {
    session.value.shutDown(reason, deadline: deadline)
  }

  /// The extensions of the sandbox, first the external ones: those that have not registered keep the runtime from being started, those that are busy
  /// keep init or the running invocation from being over.
  package var extensions: [ExtensionStatus] { session.value.extensions.machine.statuses }

  /// Tells the subscribers of telemetry what happened; ``wantsTelemetry`` says whether there are any.
  package func record(_ record: TelemetryRecord) {
    session.value.telemetry.record(record)
  }

  /// Whether anybody subscribed to telemetry, or still may.
  package var wantsTelemetry: Bool { session.value.telemetry.isWanted }

  /// Bytes of records that wait for subscribers.
  var telemetryBytes: Int { session.value.telemetry.heldBytes }

  /// Nothing is sent to subscribers from now on: the sandbox is about to be frozen.
  package func holdTelemetry() {
    session.value.telemetry.hold()
  }

  /// The sandbox runs again, and its subscribers with it.
  package func resumeTelemetry() {
    session.value.telemetry.resume()
  }

  /// There is room for more of the response that is being streamed; harmless if none is.
  package func resumeStream() {
    session.value.resumeStream()
  }

  /// Whether a program of the sandbox has a connection that has not been read to its end.
  package var isConnected: Bool { !session.value.connections.isEmpty }

  /// Closes the listener and all connections, and lets go of the delegate. The future ends with the last of them.
  package func close() -> EventLoopFuture<Void> {
    let ends = [listener.closeFuture] + session.value.connectionsEnd
    session.value.close()
    listener.close(promise: nil)
    return EventLoopFuture.andAllComplete(ends, on: eventLoop)
  }

  private static func bootstrap(_ session: NIOLoopBound<RuntimeSession>, _ logger: Logger) -> ServerBootstrap {
    ServerBootstrap(group: session.eventLoop)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          // When the host is out of descriptors, accept(2) would fail as fast as the loop can turn.
          try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
          try channel.pipeline.syncOperations.addHandler(AcceptFailureLog(logger: logger))
        }
      }
      // The end of a peer's output must be seen as such: its truncated request is to be answered.
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard let connection = session.value.makeConnection() else { throw ChannelError.eof }
          try channel.pipeline.syncOperations.addHandlers([ReadMeter(connection), RuntimeRequestDecoder.handler(), connection])
        }
      }
  }
}

/// The HTTP/1.1 decoder with the limits of this server.
enum RuntimeRequestDecoder {
  /// The official clients send an X-Ray cause of up to 1 MiB in one field.
  static let headerFieldLimit = 1 << 20 + 1 << 10
  static let headerListLimit = headerFieldLimit + 64 << 10

  static func handler() -> ByteToMessageHandler<HTTPRequestDecoder> {
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderFieldSize = headerFieldLimit
    limits.maxHeaderListSize = headerListLimit
    let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
    // The decoder keeps no more than one unfinished field, unless it has stopped parsing for an upgrade.
    return ByteToMessageHandler(decoder, maximumBufferSize: headerListLimit)
  }
}

/// Says why nothing is accepted.
private final class AcceptFailureLog: ChannelInboundHandler {
  typealias InboundIn = any Channel

  private let logger: Logger

  init(logger: Logger) {
    self.logger = logger
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    logger.warning("cannot accept a connection of the runtime", metadata: ["error": "\(error)"])
  }
}
