/// Whose turn it is on one HTTP/1.1 connection: a request is answered whole before the next one is looked at.
///
/// This is the pure part of ``InvokeInterceptor``. Pipelined requests are held back until it is their turn, so that answers go out in the
/// order of the requests whichever of the two, the interceptor or the router behind it, gives them.
struct ConnectionTurns: ~Copyable {
  enum State: Equatable {
    /// Between requests.
    case idle
    /// The router's: it has the turn until the request has been read and the answer written.
    case routed(requestEnded: Bool, answerEnded: Bool)
    /// An Invoke request whose body is arriving.
    case receiving
    /// An Invoke request that is being worked on.
    case invoking
    /// No further request will be taken: what still arrives is dropped.
    case finished
  }

  private(set) var state = State.idle
  /// The connection is to be closed after the turn: the client said so, or the server is stopping.
  private(set) var closesAfterTurn = false

  /// Whether what arrives must wait for the turn to end.
  var holdsInput: Bool { state == .invoking }

  /// Whether a new head may be looked at now.
  var awaitsHead: Bool { state == .idle }

  /// Whether an answer is being worked on, so that silence of the client is no idleness.
  var isAnswering: Bool {
    switch state {
    case .invoking, .routed(requestEnded: true, answerEnded: false): true
    case .idle, .routed, .receiving, .finished: false
    }
  }

  mutating func beginRouted(closes: Bool) {
    state = .routed(requestEnded: false, answerEnded: false)
    closesAfterTurn = closesAfterTurn || closes
  }

  mutating func beginInvoke(closes: Bool) {
    state = .receiving
    closesAfterTurn = closesAfterTurn || closes
  }

  /// The routed request's last part arrived; returns whether the turn is over.
  mutating func routedRequestEnded() -> Bool { advanceRouted(requestEnded: true, answerEnded: nil) }

  /// The router's last part of the answer was written; returns whether the turn is over.
  mutating func routedAnswerEnded() -> Bool { advanceRouted(requestEnded: nil, answerEnded: true) }

  private mutating func advanceRouted(requestEnded: Bool?, answerEnded: Bool?) -> Bool {
    guard case .routed(let request, let answer) = state else { return false }
    state = .routed(requestEnded: requestEnded ?? request, answerEnded: answerEnded ?? answer)
    guard state == .routed(requestEnded: true, answerEnded: true) else { return false }
    // The router closes the connection itself where the client asked for it.
    state = closesAfterTurn ? .finished : .idle
    return true
  }

  mutating func invokeReceived() { state = .invoking }

  /// The answer to an Invoke request was written; returns whether the connection is to be closed now.
  mutating func invokeAnswered() -> Bool {
    state = closesAfterTurn ? .finished : .idle
    return closesAfterTurn
  }

  /// The server is stopping; returns whether the connection may close at once.
  mutating func quiesce() -> Bool {
    closesAfterTurn = true
    return state == .idle
  }

  mutating func finish() { state = .finished }
}
