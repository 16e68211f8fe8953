import NIOCore

/// Tells one connection of a server from all others, closed ones included.
struct ConnectionID: Hashable {
  var number: Int
}

/// An event together with the nonce that tells this hand-over from every other.
struct Invocation {
  var event: RuntimeEvent
  var nonce: InvocationNonce
}

/// Where the runtime of one sandbox stands in its life, as the Runtime API defines it.
///
/// The state belongs to the sandbox and not to a connection: Ruby's client and curl open a new one for every call. Whatever a peer sends in the
/// wrong state is answered with a ``RuntimeRefusal``; only this program's own broken promises trap.
///
/// A body takes many reads, so an answer has two inputs: `begin…` when its head is in, which decides whether it is wanted, and `finish…` when it
/// is whole. Between them no second one is admitted, hence at most one body per sandbox is ever held in memory.
struct RuntimeStateMachine: ~Copyable {
  private enum State {
    /// The runtime has not asked for anything yet. The event is one delivered early.
    case started(Invocation?)
    /// `sender` is the connection whose init error is still arriving.
    case initError(sender: ConnectionID?, Invocation?)
    /// The event is there only while nobody waits for it.
    case ready(Invocation?)
    /// `holder` is the connection that the event was last written to; `nil` once that connection is gone.
    case running(Invocation, holder: ConnectionID?)
    case invocationResponse(Invocation, sender: ConnectionID)
    case invocationErrorResponse(Invocation, sender: ConnectionID)
    /// The first is the invocation that was answered, the second an event that came before the runtime asked for it.
    case responseSent(Invocation, Invocation?)
    case closed
  }

  private var state = State.started(nil)
  /// Connections parked on `/next`, the longest waiting first. Not empty only when some state before now was Ready.
  private var waiters = CircularBuffer<ConnectionID>(initialCapacity: 2)

  enum Delivery {
    case hand(Invocation, to: ConnectionID)
    case keep
  }

  /// The scheduler has an event for this sandbox.
  mutating func deliver(_ invocation: Invocation) -> Delivery {
    switch state {
    case .started(nil): state = .started(invocation)
    case .initError(let sender, nil): state = .initError(sender: sender, invocation)
    case .ready(nil):
      if let waiter = waiters.popFirst() {
        state = .running(invocation, holder: waiter)
        return .hand(invocation, to: waiter)
      }
      state = .ready(invocation)
    case .responseSent(let answered, nil): state = .responseSent(answered, invocation)
    case .closed: break  // Whoever delivered has not heard yet that the sandbox is going down.
    case .started, .initError, .ready, .running, .invocationResponse, .invocationErrorResponse, .responseSent:
      preconditionFailure("an execution environment was given a second event before it answered the first")
    }
    return .keep
  }

  enum NextStep {
    case hand(Invocation)
    case park(becameReady: Bool)
    case refuse(RuntimeRefusal)
  }

  /// `GET /runtime/invocation/next`.
  mutating func next(from connection: ConnectionID) -> NextStep {
    switch state {
    case .started(nil), .responseSent(_, nil):
      state = .ready(nil)
      waiters.append(connection)
      return .park(becameReady: true)
    case .ready(nil):
      waiters.append(connection)
      return .park(becameReady: false)
    case .started(let invocation?), .ready(let invocation?), .responseSent(_, let invocation?), .running(let invocation, _):
      state = .running(invocation, holder: connection)
      return .hand(invocation)
    case .initError, .invocationResponse, .invocationErrorResponse, .closed:
      return .refuse(refusal(of: .ready))
    }
  }

  enum AnswerKind {
    case response
    case error
  }

  /// The head of a `POST /runtime/invocation/{id}/response` or `…/error`; `nil` lets its body in. The id is looked at before the nonce, and both
  /// before the state.
  mutating func beginAnswer(
    _ kind: AnswerKind, requestID: Substring, echo: String?, from connection: ConnectionID
  ) -> RuntimeRefusal? {
    switch state {
    case .started, .initError, .ready: return .invalidRequestID
    case .closed: return .closed
    case .running(let invocation, _):
      if let refusal = mismatch(invocation, requestID, echo) { return refusal }
      switch kind {
      case .response: state = .invocationResponse(invocation, sender: connection)
      case .error: state = .invocationErrorResponse(invocation, sender: connection)
      }
      return nil
    case .invocationResponse(let invocation, _), .invocationErrorResponse(let invocation, _), .responseSent(let invocation, _):
      return mismatch(invocation, requestID, echo) ?? refusal(of: kind == .response ? .invocationResponse : .invocationErrorResponse)
    }
  }

  /// Bytes that the response that is being sent may have if its caller takes it in parts, and it comes in parts; else `nil`.
  var streamLimit: Int? {
    switch state {
    case .invocationResponse(let invocation, _): invocation.event.streamLimit
    case .started, .initError, .ready, .running, .invocationErrorResponse, .responseSent, .closed: nil
    }
  }

  enum FinishStep {
    /// `isReady`: another connection waits for the next event already, so no further `/next` need come.
    case answered(isReady: Bool)
    case refuse(RuntimeRefusal)
  }

  /// The body of the answer that ``beginAnswer(_:requestID:echo:from:)`` let in is whole, or was too large and is over.
  mutating func finishAnswer(from connection: ConnectionID) -> FinishStep {
    switch state {
    case .invocationResponse(let invocation, connection), .invocationErrorResponse(let invocation, connection):
      state = waiters.isEmpty ? .responseSent(invocation, nil) : .ready(nil)
      return .answered(isReady: !waiters.isEmpty)
    case .started, .initError, .ready, .running, .invocationResponse, .invocationErrorResponse, .responseSent, .closed:
      return .refuse(.closed)
    }
  }

  /// The head of a `POST /runtime/init/error`; `nil` lets its body in.
  mutating func beginInitError(from connection: ConnectionID) -> RuntimeRefusal? {
    switch state {
    case .started(let invocation):
      state = .initError(sender: connection, invocation)
      return nil
    case .initError, .ready, .running, .invocationResponse, .invocationErrorResponse, .responseSent, .closed:
      return refusal(of: .initError)
    }
  }

  /// The body of the init error is whole; `nil` when it counts.
  mutating func finishInitError(from connection: ConnectionID) -> RuntimeRefusal? {
    switch state {
    case .initError(sender: connection, let invocation):
      state = .initError(sender: nil, invocation)
      return nil
    case .started, .initError, .ready, .running, .invocationResponse, .invocationErrorResponse, .responseSent, .closed:
      return .closed
    }
  }

  /// Whether the answer to "did the peer read it?" matters when `connection` ends: it has the event, and another could take it instead.
  func needsReceipt(from connection: ConnectionID) -> Bool {
    switch state {
    case .running(_, holder: connection): !waiters.isEmpty
    case .started, .initError, .ready, .running, .invocationResponse, .invocationErrorResponse, .responseSent, .closed: false
    }
  }

  /// A connection is gone. What it had begun is as if it had not been, so that the runtime may try again on another; an event that it took
  /// without reading goes to the next waiter, or else to whoever asks next.
  mutating func connectionEnded(_ connection: ConnectionID, eventUnread: Bool) -> Delivery {
    waiters.removeAll { $0 == connection }
    switch state {
    case .initError(sender: connection, let invocation): state = .started(invocation)
    case .invocationResponse(let invocation, connection), .invocationErrorResponse(let invocation, connection):
      state = .running(invocation, holder: nil)
    case .running(let invocation, holder: connection):
      let heir = eventUnread ? waiters.popFirst() : nil
      state = .running(invocation, holder: heir)
      if let heir { return .hand(invocation, to: heir) }
    case .started, .initError, .ready, .running, .invocationResponse, .invocationErrorResponse, .responseSent, .closed: break
    }
    return .keep
  }

  /// Everything is refused from now on.
  mutating func close() {
    state = .closed
    waiters.removeAll()
  }

  private func mismatch(_ invocation: Invocation, _ requestID: Substring, _ echo: String?) -> RuntimeRefusal? {
    guard requestID == invocation.event.requestID else { return .invalidRequestID }
    guard let echo else { return nil }  // Clients older than July 2026 do not send it.
    return InvocationNonce(parsing: echo) == invocation.nonce ? nil : .staleNonce
  }

  private func refusal(of target: RuntimeStateName) -> RuntimeRefusal {
    guard let name else { return .closed }
    return .transition(from: name, to: target)
  }

  /// `nil` once closed.
  var name: RuntimeStateName? {
    switch state {
    case .started: .started
    case .initError: .initError
    case .ready: .ready
    case .running: .running
    case .invocationResponse: .invocationResponse
    case .invocationErrorResponse: .invocationErrorResponse
    case .responseSent: .responseSent
    case .closed: nil
    }
  }
}
