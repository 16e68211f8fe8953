import NIOHTTP1

/// The states by the names that error replies give them.
enum RuntimeStateName: String, CaseIterable {
  case started = "Started"
  case initError = "InitError"
  case ready = "Ready"
  case running = "Running"
  case invocationResponse = "InvocationResponse"
  case invocationErrorResponse = "InvocationErrorResponse"
  case responseSent = "RuntimeResponseSentState"
}

/// Why a call of the runtime is not carried out.
enum RuntimeRefusal: Equatable {
  case invalidRequestID
  /// The echoed `Lambda-Runtime-Invocation-Id` is another invocation's: the answer comes too late.
  case staleNonce
  case transition(from: RuntimeStateName, to: RuntimeStateName)
  /// The sandbox is going down.
  case closed

  var reply: RuntimeReply {
    switch self {
    case .invalidRequestID: .error(.badRequest, "InvalidRequestID", "Invalid request ID")
    case .staleNonce: .error(.gone, "InvokeTimeout", "Invoke timeout")
    case .transition(let from, let to):
      .error(
        .forbidden, "InvalidStateTransition",
        "State transition from \(from.rawValue) to \(to.rawValue) failed for runtime. Error: State transition is not allowed")
    case .closed: .error(.internalServerError, "InternalServerError", "Internal Server Error")
    }
  }
}
