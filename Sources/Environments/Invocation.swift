package import FunctionModel
package import NIOCore

/// One invocation on its way through an execution environment.
package struct Invocation: Sendable {
  package var requestID: String
  package var invokedARN: String
  package var payload: ByteBuffer
  package var contentType: String?
  package var clientContext: String?
  package var tenantID: String?
  package var traceID: String
  /// Takes a streamed response in parts; `nil` has it put together.
  package var stream: ResponseStream?
  package var wantsLogTail: Bool
  package var type: InvocationType
  /// When the request was accepted.
  package var accepted: NIODeadline
  /// Called exactly once, on the environment's event loop.
  package var completion: @Sendable (InvocationEnd) -> Void

  package init(
    requestID: String, invokedARN: String, payload: ByteBuffer, contentType: String?, clientContext: String?,
    tenantID: String? = nil, traceID: String, stream: ResponseStream? = nil, wantsLogTail: Bool,
    type: InvocationType = .requestResponse, accepted: NIODeadline,
    completion: @escaping @Sendable (InvocationEnd) -> Void
  ) {
    self.requestID = requestID
    self.invokedARN = invokedARN
    self.payload = payload
    self.contentType = contentType
    self.clientContext = clientContext
    self.tenantID = tenantID
    self.traceID = traceID
    self.stream = stream
    self.wantsLogTail = wantsLogTail
    self.type = type
    self.accepted = accepted
    self.completion = completion
  }
}

/// How an invocation ended, as its caller hears it.
package enum InvocationEnd: Sendable {
  /// The function answered, well or badly.
  case answered(InvocationAnswer)
  /// The environment was on its way out when the invocation reached it; nothing ran, and another may take it.
  case unavailable
  /// There was no memory for an environment; nothing ran.
  case throttled
  /// The host could not make the sandbox; nothing ran.
  case hostFault(String)
}

package struct InvocationAnswer: Sendable {
  /// The whole response, or the error. Empty after a response that was streamed.
  package var payload: ByteBuffer
  package var contentType: String?
  package var isFunctionError: Bool
  /// What failed, as the runtime named it, or in the platform's words; `nil` on success.
  package var errorType: String?
  package var logTail: String?
}
