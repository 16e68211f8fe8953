/// An asynchronous invocation that was accepted and not yet settled.
package struct QueuedEvent: Sendable, Hashable {
  /// `x-amzn-RequestId`, and the id of every attempt.
  package var requestID: String
  package var function: FunctionID
  /// As the caller addressed the function: a version, an alias or nothing.
  package var qualifier: String?
  /// JSON, found valid.
  package var payload: [UInt8]
  /// Decoded JSON of `X-Amz-Client-Context`.
  package var clientContext: String?
  /// An X-Ray header value.
  package var traceID: String
  /// Milliseconds since 1970.
  package var accepted: Int64
  /// Attempts that ended in a function error.
  package var attempts: Int

  package init(
    requestID: String, function: FunctionID, qualifier: String? = nil, payload: [UInt8], clientContext: String? = nil, traceID: String,
    accepted: Int64, attempts: Int = 0
  ) {
    self.requestID = requestID
    self.function = function
    self.qualifier = qualifier
    self.payload = payload
    self.clientContext = clientContext
    self.traceID = traceID
    self.accepted = accepted
    self.attempts = attempts
  }
}
