package import NIOCore

/// One event as `GET /2018-06-01/runtime/invocation/next` hands it to a runtime.
package struct RuntimeEvent: Sendable {
  package var requestID: String
  /// Milliseconds since 1970; becomes `Lambda-Runtime-Deadline-Ms`.
  package var deadline: Int64
  package var invokedFunctionARN: String
  /// An X-Ray header value; always sent.
  package var traceID: String
  /// Decoded JSON of the caller's `X-Amz-Client-Context`.
  package var clientContext: String?
  package var cognitoIdentity: String?
  /// The caller's `X-Amz-Tenant-Id`, for functions whose environments belong to one tenant each.
  package var tenantID: String?
  /// The caller's; `nil` sends `application/json`.
  package var contentType: String?
  package var payload: ByteBuffer
  /// Bytes that a streamed response may have, which is then passed on in parts as it comes; `nil` has it put together first, as any other.
  package var streamLimit: Int?

  package init(
    requestID: String, deadline: Int64, invokedFunctionARN: String, traceID: String, clientContext: String? = nil,
    cognitoIdentity: String? = nil, tenantID: String? = nil, contentType: String? = nil, payload: ByteBuffer, streamLimit: Int? = nil
  ) {
    self.requestID = requestID
    self.deadline = deadline
    self.invokedFunctionARN = invokedFunctionARN
    self.traceID = traceID
    self.clientContext = clientContext
    self.cognitoIdentity = cognitoIdentity
    self.tenantID = tenantID
    self.contentType = contentType
    self.payload = payload
    self.streamLimit = streamLimit
  }
}

/// How a runtime answered the event it was given.
package enum RuntimeAnswer: Sendable {
  case response(payload: ByteBuffer, contentType: String?)
  /// All parts of the response have been told.
  case streamed(contentType: String?)
  /// The payload goes to the caller as it came. Parts of a response may have been told before: then it failed midway.
  case error(payload: ByteBuffer, type: FunctionErrorType)
  /// The response was over `limit` bytes, streamed or not; the runtime got 413 and stays usable.
  case tooLarge(limit: Int)
  /// A streamed response broke off: its connection ended, or what came was no HTTP. Parts of it are with the caller, so it cannot be tried again; the
  /// environment must be reset.
  case truncated
  /// `Lambda-Runtime-Function-Response-Mode` was neither absent nor `streaming`; the environment must be reset.
  case invalidResponseMode
}

/// An error that a runtime posted to `/2018-06-01/runtime/init/error`.
package struct RuntimeInitError: Error, Sendable {
  package var payload: ByteBuffer
  /// Classified, as in `Runtime.ImportModuleError`.
  package var type: String

  package init(payload: ByteBuffer, type: String) {
    self.payload = payload
    self.type = type
  }
}

/// Hears what the runtime of one sandbox does. Every call is made on the server's event loop, in the order of the runtime's requests, and none before
/// the callbacks of the future that ``RuntimeAPIServer/serve(listener:on:delegate:function:subscribers:logger:)`` returned have run there. The server may be given an event or be
/// closed from within any of them.
package protocol RuntimeAPIDelegate: AnyObject, Sendable {
  /// The runtime asked for its next event and none was waiting: init, or the running invocation, is over.
  func runtimeIsReady()
  /// The answer to the running invocation is complete. The runtime's own 202 has been written, and is flushed when this returns: the caller is answered
  /// before a system call is spent on the runtime.
  func runtimeAnswered(_ answer: RuntimeAnswer)
  /// A part of the running invocation's streamed response.
  ///
  /// - Parameter contentType: what the runtime calls the whole response.
  /// - Returns: whether more may come at once. If not, the runtime's connection is not read until ``RuntimeAPIServer/resumeStream()``.
  func runtimeStreamed(_ part: ByteBuffer, contentType: String?) -> Bool
  /// The runtime reported that it cannot start.
  func runtimeFailedToInitialize(_ error: RuntimeInitError)
  /// An extension registered, asked for its next event, or failed.
  func extensionTold(_ notice: ExtensionNotice)
}
