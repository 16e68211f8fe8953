/// An answer of the AWS API that is not success: AWS's own error type, status and message.
package struct ServiceError: Error, Sendable, Hashable {
  /// As in `ResourceNotFoundException`; goes into `x-amzn-ErrorType`.
  package var type: String
  package var status: Int
  package var message: String
  /// `Message` or `message`: the model names it differently by exception.
  package var messageKey: String
  /// `Type` in the body: `User` or `Service`; absent for errors outside the model.
  package var fault: String?
  /// Further members of the body, as `Reason` of TooManyRequestsException.
  package var members: [String: String]
  package var retryAfterSeconds: Int?

  package init(
    _ type: String, status: Int, message: String, messageKey: String = "message", fault: String? = "User",
    members: [String: String] = [:], retryAfterSeconds: Int? = nil
  ) {
    self.type = type
    self.status = status
    self.message = message
    self.messageKey = messageKey
    self.fault = fault
    self.members = members
    self.retryAfterSeconds = retryAfterSeconds
  }
}

extension ServiceError {
  package static func resourceNotFound(_ message: String) -> ServiceError {
    ServiceError("ResourceNotFoundException", status: 404, message: message, messageKey: "Message")
  }

  package static func functionNotFound(_ arn: String) -> ServiceError {
    .resourceNotFound("Function not found: \(arn)")
  }

  package static func invalidParameterValue(_ message: String) -> ServiceError {
    ServiceError("InvalidParameterValueException", status: 400, message: message)
  }

  /// Not in the model, so without `Type`.
  package static func validation(_ message: String) -> ServiceError {
    ServiceError("ValidationException", status: 400, message: message, fault: nil)
  }

  package static func resourceConflict(_ message: String) -> ServiceError {
    ServiceError("ResourceConflictException", status: 409, message: message)
  }

  /// As AWS answers when an account's code takes all the space that it may.
  package static func codeStorageExceeded(_ message: String) -> ServiceError {
    ServiceError("CodeStorageExceededException", status: 400, message: message)
  }

  package static func service(_ message: String) -> ServiceError {
    ServiceError("ServiceException", status: 500, message: message, messageKey: "Message", fault: "Service")
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors>
  package static func tooManyRequests(_ reason: ThrottleReason) -> ServiceError {
    ServiceError(
      "TooManyRequestsException", status: 429, message: "Rate Exceeded.",
      members: ["Reason": reason.rawValue])
  }
}

/// `Reason` of TooManyRequestsException.
package enum ThrottleReason: String, Sendable {
  case concurrentInvocationLimitExceeded = "ConcurrentInvocationLimitExceeded"
  case reservedFunctionConcurrentInvocationLimitExceeded = "ReservedFunctionConcurrentInvocationLimitExceeded"
  case callerRateLimitExceeded = "CallerRateLimitExceeded"
}
