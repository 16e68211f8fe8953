import FunctionModel

/// What a request is for, as far as its head tells.
enum RequestPurpose {
  case next
  case response(contentType: String?)
  /// A response that is told in parts.
  case stream
  case error(type: FunctionErrorType, hasCause: Bool)
  case initError(type: String)
  case invalidResponseMode
  case extensions(ExtensionCall)
  case subscription(TelemetryDialect, identifier: String)
  /// The answer is known already; the body is drained.
  case reply(RuntimeReply)

  /// Bytes of the body that are kept.
  var bodyLimit: Int {
    switch self {
    case .response, .error, .initError: Limits.runtimePayloadBytes
    case .extensions(let call): call.bodyLimit
    case .subscription: TelemetrySubscription.bodyLimit
    case .next, .stream, .invalidResponseMode, .reply: 0
    }
  }
}
