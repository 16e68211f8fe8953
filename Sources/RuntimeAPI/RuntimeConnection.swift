import NIOCore
import NIOHTTP1

/// One connection of the runtime: turns request parts into calls on the session, one request at a time, and writes the answers.
///
/// It writes whole responses itself, because a head, a body and an end through an encoder would be three writes. What arrives while a `/next` is parked
/// waits in a queue; only then is the socket left unread, so that a client that does not pipeline costs no change of its epoll interest.
final class RuntimeConnection: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// How long a peer may take to read the last answer before its connection is cut.
  private static let lingering = TimeAmount.seconds(1)

  private struct Exchange {
    var purpose: RequestPurpose
    var persistence: Persistence
    var isHead: Bool
  }

  private enum Phase {
    case idle
    case receiving(Exchange)
    /// The whole request is in and its answer is the session's to give: a `/next`.
    case waiting(Exchange)
    /// The last answer is on its way out; input is thrown away.
    case answeringLast
    /// The last answer is written; input is thrown away until the peer has read it and closes. Closing at once would reset the connection if
    /// unread input is left, and the peer would lose the answer.
    case lingering
    case closed
  }

  private enum Queued {
    case part(HTTPServerRequestPart)
    case failure(any Error)
  }

  let id: ConnectionID
  private let session: RuntimeSession
  private var phase = Phase.idle
  private var body = RequestBody(limit: 0)
  private var queue = CircularBuffer<Queued>(initialCapacity: 0)
  /// Its part of the session's unfinished requests.
  private var unfinished = 0
  private var isReadWithheld = false
  /// The caller of a streamed response has enough for now.
  private var isHeld = false
  private var isInputClosed = false
  private var wasReset = false
  private var context: ChannelHandlerContext?

  init(id: ConnectionID, session: RuntimeSession) {
    self.id = id
    self.session = session
  }

  /// Ends when the channel does.
  var closeFuture: EventLoopFuture<Void>? { context?.channel.closeFuture }

  // MARK: What the session asks for

  /// The request just finished will be answered later.
  func park() {
    guard case .receiving(let exchange) = phase else { return }
    phase = .waiting(exchange)
  }

  func answer(_ invocation: Invocation) {
    guard let exchange, let context else { return }
    let (head, body) = invocation.response(exchange.persistence)
    if let body {
      context.write(wrapOutboundOut(head), promise: nil)
      complete(exchange, body, flushing: true)
    } else {
      complete(exchange, head, flushing: true)
    }
  }

  func answer(_ reply: RuntimeReply, flushing: Bool = true) {
    guard let exchange else { return }
    complete(exchange, reply.bytes(exchange.persistence, headOnly: exchange.isHead), flushing: flushing)
  }

  /// The last answer on this connection, whatever the client wants.
  func answerAndClose(_ reply: RuntimeReply) {
    guard context != nil else { return }
    let exchange = Exchange(purpose: .reply(reply), persistence: .close, isHead: exchange?.isHead ?? false)
    complete(exchange, reply.bytes(.close, headOnly: exchange.isHead), flushing: true)
    session.brokeOff(self)
  }

  /// Reads no more until ``resumeReading()``.
  func holdReading() {
    isHeld = true
  }

  func resumeReading() {
    isHeld = false
    guard isReadWithheld, queue.isEmpty else { return }
    isReadWithheld = false
    context?.read()
  }

  func flush() {
    context?.flush()
  }

  /// Closes at once, after what the socket will still take.
  func close() {
    guard let context else { return }
    end(eventUnread: false)
    context.flush()
    context.close(promise: nil)
  }

  // MARK: Requests

  /// Whether `count` bytes just read may go to the decoder. When the sandbox has too much under way, this connection gets its last answer.
  func admits(_ count: Int) -> Bool {
    switch phase {
    case .answeringLast, .lingering, .closed: return false
    case .idle, .receiving, .waiting:
      let isAdmitted = session.unfinished.add(count, to: unfinished)
      unfinished += count
      if isAdmitted { return true }
      // Nobody pipelines a megabyte behind a question that waits; its place among those that wait is to be free at once.
      if isWaiting { close() } else { answerAndClose(.headersTooLarge) }
      return false
    }
  }

  private func forgetUnfinished() {
    session.unfinished.remove(unfinished)
    unfinished = 0
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = unwrapInboundIn(data)
    switch phase {
    case .idle where queue.isEmpty, .receiving where queue.isEmpty: process(part, context)
    case .idle, .receiving, .waiting: queue.append(.part(part))
    case .answeringLast, .lingering, .closed: break
    }
  }

  private func process(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
    forgetUnfinished()
    switch part {
    case .head(let head): begin(head, context)
    case .body(let bytes):
      if case .receiving(let exchange) = phase, case .stream = exchange.purpose {
        session.streamed(bytes, from: self)
      } else {
        body.append(bytes)
      }
    case .end(let trailers):
      guard case .receiving(let exchange) = phase else { return }
      let body = body
      self.body = RequestBody(limit: 0)
      isHeld = false
      session.finish(exchange.purpose, body, trailers, from: self)
    }
  }

  private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    let purpose = session.begin(head, from: self)
    body = RequestBody(limit: purpose.bodyLimit)
    phase = .receiving(Exchange(purpose: purpose, persistence: Persistence(head), isHead: head.method == .HEAD))
    // Only curl and its like, and only for bodies beyond 1 MiB. HTTP/1.0 has no 100.
    if head.version == .http1_1, head.headers.first(name: "Expect")?.lowercased() == "100-continue" {
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")), promise: nil)
    }
  }

  private var exchange: Exchange? {
    switch phase {
    case .receiving(let exchange), .waiting(let exchange): exchange
    case .idle, .answeringLast, .lingering, .closed: nil
    }
  }

  private func complete(_ exchange: Exchange, _ bytes: ByteBuffer, flushing: Bool) {
    guard let context else { return }
    guard case .close = exchange.persistence else {
      phase = .idle
      context.write(wrapOutboundOut(bytes), promise: nil)
      if flushing { context.flush() }
      return resume(context)
    }
    phase = .answeringLast
    queue.removeAll()
    let written = context.eventLoop.makePromise(of: Void.self)
    written.futureResult.assumeIsolated().whenComplete { _ in self.linger() }
    context.write(wrapOutboundOut(bytes), promise: written)
    if flushing { context.flush() }
    resume(context)
  }

  /// Tells the peer that no more comes, and waits for its end.
  private func linger() {
    guard let context, case .answeringLast = phase else { return }
    if isInputClosed { return close() }
    phase = .lingering
    context.close(mode: .output, promise: nil)
    context.eventLoop.assumeIsolated().scheduleTask(in: Self.lingering) { self.close() }
  }

  /// Goes on with what was left unread or queued while the last request waited. Not at once: this may be inside a call of the delegate's.
  private func resume(_ context: ChannelHandlerContext) {
    guard isReadWithheld || !queue.isEmpty else { return }
    context.eventLoop.assumeIsolated().execute {
      while let next = self.queueHead() {
        switch next {
        case .part(let part): self.process(part, context)
        case .failure(let error): self.fail(error)
        }
      }
      if !self.isHeld { self.resumeReading() }
    }
  }

  private func queueHead() -> Queued? {
    switch phase {
    case .idle, .receiving: queue.popFirst()
    case .waiting, .answeringLast, .lingering, .closed: nil
    }
  }

  // MARK: The channel

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  func read(context: ChannelHandlerContext) {
    if queue.isEmpty, !isHeld { context.read() } else { isReadWithheld = true }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case .some(.inputClosed) = event as? ChannelEvent else { return context.fireUserInboundEventTriggered(event) }
    isInputClosed = true
    if case .answeringLast = phase { return }
    // A client that half-closes and still wants its answer cannot be told from one that died; no runtime client does the former.
    let unread = session.needsReceipt(from: self) && hasUnreadOutput(context)
    end(eventUnread: unread)
    context.close(promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch phase {
    case .idle, .receiving, .waiting:
      if error is IOError || !(isWaiting || !queue.isEmpty) { fail(error) } else { queue.append(.failure(error)) }
    case .answeringLast, .lingering, .closed: break
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(eventUnread: wasReset)
  }

  private var isWaiting: Bool {
    if case .waiting = phase { true } else { false }
  }

  /// The peer's bytes are not HTTP, or end too early, or the socket failed.
  private func fail(_ error: any Error) {
    if error is IOError {
      wasReset = true
      context?.close(promise: nil)
      return
    }
    switch error as? HTTPParserError {
    case .invalidEOFState:
      if case .receiving = phase { answerAndClose(.truncated) } else { answerAndClose(.malformed) }
    case .headerOverflow: answerAndClose(.headersTooLarge)
    default: answerAndClose(.malformed)
    }
  }

  /// Whether the peer closed without having read all that was written to it: then the kernel has answered with a reset, or could not send at all.
  private func hasUnreadOutput(_ context: ChannelHandlerContext) -> Bool {
    guard let options = context.channel.syncOptions else { return false }
    // Neither option can fail on an open socket; on a closed one nothing was read.
    let failure = (try? options.getOption(.socketOption(.so_error))) ?? 1
    let buffered = (try? options.getOption(.bufferedWritableBytes)) ?? 1
    return failure != 0 || buffered > 0
  }

  private func end(eventUnread: Bool) {
    if case .closed = phase { return }
    phase = .closed
    forgetUnfinished()
    queue.removeAll()
    session.ended(self, eventUnread: eventUnread)
  }
}
