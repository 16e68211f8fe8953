import FunctionModel
import Logging
import NIOCore
import NIOHTTP1

/// The Runtime API of one sandbox on its event loop: joins the state machine, the connections and the delegate.
///
/// The order of an answer is: 202 into the runtime's channel, the delegate, flush. So the caller is served before this thread spends a writev(2) and a
/// wake-up on the runtime, which has nothing to do but ask for its next event; yet whatever the delegate writes to the runtime comes after the 202.
final class RuntimeSession {
  /// A runtime uses one to three connections and an extension one or two; beyond this a function is only spending the host's descriptors.
  static let connectionLimit = 64

  private var machine = RuntimeStateMachine()
  private var nonces = InvocationNonceGenerator()
  private(set) var connections: [ConnectionID: RuntimeConnection] = [:]
  private var lastConnection = 0
  var unfinished = UnfinishedRequests()
  var stream: StreamedResponse?
  /// Let go when the session closes, which ends the cycle of delegate, server and session.
  private(set) var delegate: (any RuntimeAPIDelegate)?
  var extensions: ExtensionSession
  let logger: Logger

  let telemetry: TelemetrySession

  init(delegate: any RuntimeAPIDelegate, function: RegisteredFunction, telemetry: TelemetrySession, logger: Logger) {
    self.telemetry = telemetry
    self.delegate = delegate
    extensions = ExtensionSession(function)
    self.logger = logger
  }

  /// A connection for a peer that was just accepted; `nil` if there are too many, or the session is closed.
  func makeConnection() -> RuntimeConnection? {
    guard delegate != nil, connections.count < Self.connectionLimit else { return nil }
    lastConnection += 1
    let connection = RuntimeConnection(id: ConnectionID(number: lastConnection), session: self)
    connections[connection.id] = connection
    return connection
  }

  func deliver(_ event: RuntimeEvent) {
    perform(machine.deliver(Invocation(event: event, nonce: nonces.nonce())))
    if !extensions.machine.isEmpty, delegate != nil { perform(extensions.invoke(event)) }
  }

  /// Decides at the head of a request what it is for, and so whether its body is wanted.
  func begin(_ head: HTTPRequestHead, from connection: RuntimeConnection) -> RequestPurpose {
    switch RuntimeRoute(head.method, uri: head.uri) {
    case .next: return .next
    case .response(let requestID): return beginAnswer(.response, requestID, head, connection)
    case .error(let requestID): return beginAnswer(.error, requestID, head, connection)
    case .initError:
      if let refusal = machine.beginInitError(from: connection.id) { return refuse(refusal, head) }
      return .initError(type: FunctionErrorType(head.headers.first(name: "Lambda-Runtime-Function-Error-Type")).classified)
    case .ping: return .reply(.pong)
    case .extensions(let route): return begin(route, head)
    case .subscription(let dialect): return begin(dialect, head)
    case .metadata: return .reply(extensions.function.metadata.reply(to: head.headers))
    case .wrongMethod(let allowed): return .reply(.methodNotAllowed(allow: allowed))
    case .unknown: return .reply(.notFound)
    }
  }

  /// Answers a request whose body is whole.
  func finish(_ purpose: RequestPurpose, _ body: RequestBody, _ trailers: HTTPHeaders?, from connection: RuntimeConnection) {
    switch purpose {
    case .next: next(connection)
    case .response(let contentType):
      finishAnswer(connection, isTooLarge: body.isTooLarge) {
        if let failure = ResponseTrailers(trailers) { return .error(payload: failure.payload, type: failure.type) }
        return .response(payload: body.take(), contentType: contentType)
      }
    case .stream: finishStream(connection, ResponseTrailers(trailers))
    case .error(let type, let hasCause):
      finishAnswer(connection, isTooLarge: body.isTooLarge) {
        .error(payload: hasCause ? ErrorWithCause.withoutCause(body.take()) : body.take(), type: type)
      }
    case .initError(let type): finishInitError(type, body, connection)
    case .invalidResponseMode: endForInvalidResponseMode(connection)
    case .extensions(let call): finish(call, body, from: connection)
    case .subscription(let dialect, let identifier): subscribe(dialect, identifier, body, from: connection)
    case .reply(let reply): connection.answer(reply)
    }
  }

  /// A connection is gone, or about to be closed.
  func ended(_ connection: RuntimeConnection, eventUnread: Bool) {
    guard connections.removeValue(forKey: connection.id) != nil else { return }
    brokeOff(connection)
    if !extensions.machine.isEmpty { extensions.machine.connectionEnded(connection.id, eventUnread: eventUnread) }
    perform(machine.connectionEnded(connection.id, eventUnread: eventUnread))
  }

  /// Whether it must be found out before `connection` ends if its peer read the event.
  func needsReceipt(from connection: RuntimeConnection) -> Bool {
    machine.needsReceipt(from: connection.id) || extensions.machine.needsReceipt(from: connection.id)
  }

  /// One future per open connection, done when it is closed.
  var connectionsEnd: [EventLoopFuture<Void>] { connections.values.compactMap(\.closeFuture) }

  /// Refuses everything from now on and ends all connections but `last`, which ends by itself after its answer.
  func close(sparing last: RuntimeConnection? = nil) {
    machine.close()
    delegate = nil
    stream = nil
    telemetry.close()
    for connection in connections.values where connection !== last { connection.close() }
  }

  private func next(_ connection: RuntimeConnection) {
    extensions.machine.closeRegistration()
    switch machine.next(from: connection.id) {
    case .hand(let invocation): connection.answer(invocation)
    case .refuse(let refusal): connection.answer(refusal.reply)
    case .park(let becameReady):
      connection.park()
      if becameReady {
        closeSubscription()
        delegate?.runtimeIsReady()
      }
    }
  }

  /// Subscription ends with init, which is over when the runtime and all extensions have asked for an event.
  func closeSubscription() {
    guard telemetry.isOpen, machine.name == .ready, extensions.machine.statuses.allSatisfy({ !$0.isBusy }) else { return }
    telemetry.closeSubscription()
  }

  private func perform(_ delivery: RuntimeStateMachine.Delivery) {
    switch delivery {
    case .hand(let invocation, let waiter): connections[waiter]?.answer(invocation)
    case .keep: break
    }
  }

  private func beginAnswer(
    _ kind: RuntimeStateMachine.AnswerKind, _ requestID: Substring, _ head: HTTPRequestHead, _ connection: RuntimeConnection
  ) -> RequestPurpose {
    let echo = head.headers.first(name: "Lambda-Runtime-Invocation-Id")
    if let refusal = machine.beginAnswer(kind, requestID: requestID, echo: echo, from: connection.id) { return refuse(refusal, head) }
    let contentType = head.headers.first(name: "Content-Type")
    switch kind {
    case .response:
      let mode = head.headers.first(name: "Lambda-Runtime-Function-Response-Mode") ?? ""
      guard mode.isEmpty || mode == "streaming" else { return .invalidResponseMode }
      guard mode == "streaming", let limit = machine.streamLimit else { return .response(contentType: contentType) }
      stream = StreamedResponse(sender: connection, limit: limit, contentType: contentType)
      return .stream
    case .error:
      let type = FunctionErrorType(head.headers.first(name: "Lambda-Runtime-Function-Error-Type"))
      return .error(type: type, hasCause: contentType == ErrorWithCause.contentType)
    }
  }

  private func refuse(_ refusal: RuntimeRefusal, _ head: HTTPRequestHead) -> RequestPurpose {
    logger.debug("refused a call of the runtime", metadata: ["call": "\(head.method) \(head.uri)", "because": "\(refusal)"])
    return .reply(refusal.reply)
  }

  func finishAnswer(
    _ connection: RuntimeConnection, isTooLarge: Bool, limit: Int = Limits.runtimePayloadBytes, _ answer: () -> RuntimeAnswer
  ) {
    switch machine.finishAnswer(from: connection.id) {
    case .refuse(let refusal): connection.answer(refusal.reply)
    case .answered(let isReady):
      connection.answer(isTooLarge ? .tooLarge(limit: limit) : .accepted, flushing: false)
      delegate?.runtimeAnswered(isTooLarge ? .tooLarge(limit: limit) : answer())
      connection.flush()
      if isReady { delegate?.runtimeIsReady() }
    }
  }

  private func finishInitError(_ type: String, _ body: RequestBody, _ connection: RuntimeConnection) {
    if let refusal = machine.finishInitError(from: connection.id) { return connection.answer(refusal.reply) }
    // The runtime has failed whatever it says, so a text beyond the limit is dropped and not the message.
    connection.answer(body.isTooLarge ? .tooLarge : .accepted)
    delegate?.runtimeFailedToInitialize(RuntimeInitError(payload: body.isTooLarge ? ErrorWithCause.invalid : body.take(), type: type))
  }

  /// The environment must be reset. The runtime gets its 400 first: the delegate may well close the server.
  private func endForInvalidResponseMode(_ connection: RuntimeConnection) {
    connection.answerAndClose(.invalidResponseMode)
    let delegate = delegate
    close(sparing: connection)
    delegate?.runtimeAnswered(.invalidResponseMode)
  }
}
