package import FunctionModel
package import NIOCore

/// One request to invoke a function version, as a front hands it to the ``Dispatcher``.
package struct InvocationRequest: Sendable {
  /// A UUID in lower case: `x-amzn-RequestId`, and the id the runtime sees.
  package var requestID: String
  package var version: FunctionVersion
  /// As the caller addressed it, with alias or version.
  package var invokedARN: String
  /// JSON, already found valid.
  package var payload: ByteBuffer
  package var contentType: String?
  /// Decoded JSON of `X-Amz-Client-Context`.
  package var clientContext: String?
  /// `X-Amz-Tenant-Id`.
  package var tenantID: String?
  /// An X-Ray header value.
  package var traceID: String
  /// `X-Amz-Log-Type: Tail`: the reply waits for the REPORT line.
  package var wantsLogTail: Bool
  package var type: InvocationType
  /// Takes a streamed response in parts, before the result; `nil` has it put together.
  package var sink: Sink?

  /// Takes one part of a response, with the `Content-Type` of the whole, on any thread, and calls `taken` when the part is out of this process's memory or
  /// has nowhere to go: the function is held back while too much is not.
  package typealias Sink = @Sendable (_ part: ByteBuffer, _ contentType: String?, _ taken: @escaping @Sendable () -> Void) -> Void

  package init(
    requestID: String, version: FunctionVersion, invokedARN: String, payload: ByteBuffer, contentType: String? = nil,
    clientContext: String? = nil, tenantID: String? = nil, traceID: String, wantsLogTail: Bool = false,
    type: InvocationType = .requestResponse, sink: Sink? = nil
  ) {
    self.requestID = requestID
    self.version = version
    self.invokedARN = invokedARN
    self.payload = payload
    self.contentType = contentType
    self.clientContext = clientContext
    self.tenantID = tenantID
    self.traceID = traceID
    self.wantsLogTail = wantsLogTail
    self.type = type
    self.sink = sink
  }
}

/// What became of an ``InvocationRequest``.
package enum InvocationResult: Sendable {
  /// The function ran (well or badly): HTTP 200.
  case completed(InvocationReply)
  /// It did not run: throttled, or the host could not.
  case refused(ServiceError)
}

/// The function's answer.
package struct InvocationReply: Sendable {
  package var payload: ByteBuffer
  package var contentType: String?
  /// `X-Amz-Function-Error: Unhandled`.
  package var functionError: Bool
  /// What failed, as the runtime named it, or in the platform's words; `nil` on success.
  package var errorType: String?
  /// `X-Amz-Executed-Version`.
  package var executedVersion: String
  /// The last 4,096 bytes of the invocation's log, not yet base64; `nil` unless asked for.
  package var logTail: String?

  package init(
    payload: ByteBuffer, contentType: String?, functionError: Bool, errorType: String? = nil, executedVersion: String, logTail: String?
  ) {
    self.payload = payload
    self.contentType = contentType
    self.functionError = functionError
    self.errorType = errorType
    self.executedVersion = executedVersion
    self.logTail = logTail
  }
}
