internal import FunctionModel
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes
internal import Scheduling

/// Answers Invoke requests on the event loop of their connection, before the router's own handlers see them.
///
/// A warm invocation through the router would cost a task, several thread hops and as much CPU again as all the rest. This handler stands
/// between the HTTP codec and Hummingbird's connection-state handler and takes Invoke and InvokeWithResponseStream (``InvokeRoute``); everything else
/// passes through untouched. As the handlers behind it never see an Invoke request, it does for the whole connection what they would do:
/// order of answers (``ConnectionTurns``), graceful quiesce, idle timer, body limit, `Expect: 100-continue`.
///
/// Confined to the connection's event loop.
final class InvokeInterceptor: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  /// What arrived while another request had the turn.
  private enum Held {
    case part(HTTPRequestPart)
    case event(Any)
    case fault(any Error)
  }

  let invocations: Invocations
  private let authenticator: any Authenticator
  private let configuration: FrontConfiguration
  var identifiers = IdentifierSource()
  var date: HTTPDate
  var turns = ConnectionTurns()
  var pending: PendingInvoke?
  private var held = CircularBuffer<Held>()
  private var isDraining = false
  private var readWithheld = false
  private let idleTimer = IdleTimer()
  var lastActivity = NIODeadline.now()
  /// When the head of the request being read came.
  var requestStarted: NIODeadline?

  init(invocations: Invocations, authenticator: any Authenticator, configuration: FrontConfiguration) {
    self.invocations = invocations
    self.authenticator = authenticator
    self.configuration = configuration
    date = HTTPDate(clock: invocations.clock)
  }

  // MARK: Connection

  func handlerAdded(context: ChannelHandlerContext) {
    let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
    let channel = context.channel
    idleTimer.deadline = { [configuration] in
      let handler = handler.value
      guard !handler.turns.isAnswering else { return nil }
      // A client that still takes in a large answer is silent too.
      let patience = channel.isWritable ? configuration.idleTimeout : max(configuration.idleTimeout, configuration.requestTimeout)
      let idle = handler.lastActivity + patience
      return handler.requestStarted.map { min(idle, $0 + configuration.requestTimeout) } ?? idle
    }
    if channel.isActive { startIdleTimer(context) }
  }

  func channelActive(context: ChannelHandlerContext) {
    startIdleTimer(context)
    context.fireChannelActive()
  }

  /// Not before the connection is active: on a busy loop that can be later than the first deadline.
  private func startIdleTimer(_ context: ChannelHandlerContext) {
    lastActivity = .now()
    idleTimer.start(context, after: min(configuration.idleTimeout, configuration.requestTimeout))
  }

  func handlerRemoved(context: ChannelHandlerContext) { idleTimer.stop() }

  func channelInactive(context: ChannelHandlerContext) {
    turns.finish()
    pending = nil
    held.removeAll()
    idleTimer.stop()
    context.fireChannelInactive()
  }

  // MARK: Inbound

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    lastActivity = .now()
    take(.part(unwrapInboundIn(data)), context)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is ChannelShouldQuiesceEvent {
      quiesce(event, context)
    } else if event is ChannelEvent {
      take(.event(event), context)
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { take(.fault(error), context) }

  /// Withheld while a request is worked on and input waits: the client is to feel it (back-pressure).
  func read(context: ChannelHandlerContext) {
    if held.isEmpty { context.read() } else { readWithheld = true }
  }

  /// Everything that arrives goes through here, so that nothing overtakes what is held.
  private func take(_ input: Held, _ context: ChannelHandlerContext) {
    guard !turns.holdsInput, held.isEmpty, !mustWait(input) else {
      held.append(input)
      return
    }
    handle(input, context)
  }

  /// A next head waits until the router has answered the one before.
  private func mustWait(_ input: Held) -> Bool {
    guard case .part(.head) = input, case .routed = turns.state else { return false }
    return true
  }

  private func handle(_ input: Held, _ context: ChannelHandlerContext) {
    switch input {
    case .part(let part): handle(part, context)
    case .event(let event): context.fireUserInboundEventTriggered(event)
    case .fault(let error):
      // The codec reads no further; the router answers 400 and closes.
      requestStarted = nil
      pending = nil
      turns.beginRouted(closes: true)
      context.fireErrorCaught(error)
    }
  }

  private func handle(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
    switch (turns.state, part) {
    case (.finished, _): return
    case (.idle, .head(let head)): begin(head, context)
    case (.receiving, .body(let body)): receive(body, context)
    case (.receiving, .end): finishReceiving(context)
    case (.routed, .end):
      requestStarted = nil
      context.fireChannelRead(wrapInboundOut(part))
      if turns.routedRequestEnded() { nextTurn(context) }
    case (.routed, .body), (.routed, .head), (.idle, .body), (.idle, .end), (.receiving, .head), (.invoking, _):
      context.fireChannelRead(wrapInboundOut(part))
    }
  }

  private func begin(_ head: HTTPRequest, _ context: ChannelHandlerContext) {
    requestStarted = lastActivity
    let asks = RequestExpectation(head)
    if let route = InvokeRoute(head) {
      turns.beginInvoke(closes: asks.close)
      let request = PendingInvoke(head, route, authenticator: authenticator)
      guard asks.invitation else {
        pending = request
        return
      }
      if let refusal = request.refusal ?? (asks.length > Limits.synchronousPayloadBytes ? .payloadTooLarge(route.operation) : nil) {
        abandon(refusal, context)
      } else {
        pending = request
        invite(context)
      }
    } else {
      // A client that is not invited may send the body or not: after the router's refusal nobody could tell what comes next.
      let uninvited = asks.invitation && asks.length > Limits.createFunctionBodyBytes
      let closes = asks.close || uninvited
      turns.beginRouted(closes: closes)
      if asks.invitation, !uninvited { invite(context) }
      var head = head
      // The router knows it in this spelling only.
      if closes { head.headerFields[.connection] = "close" }
      context.fireChannelRead(wrapInboundOut(.head(head)))
    }
  }

  /// For a client that waits with its body until the server wants it.
  private func invite(_ context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
  }
}

extension InvokeInterceptor {
  // MARK: Outbound and turns

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let part = unwrapOutboundIn(data)
    context.write(data, promise: promise)
    lastActivity = .now()
    if case .end = part, turns.routedAnswerEnded() { nextTurn(context) }
  }

  /// Lets in what was held, until a request takes the turn or nothing is left.
  func nextTurn(_ context: ChannelHandlerContext) {
    guard !isDraining else { return }
    isDraining = true
    var gave = false
    while let input = held.first, !turns.holdsInput, !mustWait(input) {
      held.removeFirst()
      handle(input, context)
      gave = true
    }
    isDraining = false
    // The router's side takes what it was given only when told that this was all.
    if gave { context.fireChannelReadComplete() }
    if held.isEmpty, readWithheld {
      readWithheld = false
      context.read()
    }
  }

  private func quiesce(_ event: Any, _ context: ChannelHandlerContext) {
    let mayClose = turns.quiesce()
    switch turns.state {
    case .idle where mayClose: context.close(promise: nil)
    case .idle, .receiving, .invoking: break
    // The connection-state handler behind counts what it sees, and closes after the answer.
    case .routed, .finished: context.fireUserInboundEventTriggered(event)
    }
  }
}
