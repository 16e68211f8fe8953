/// What an asynchronous invocation's end owes to another service: a record for a destination, or the event for a dead-letter queue.
package struct QueuedDelivery: Sendable, Hashable {
  package enum Kind: String, Sendable {
    case success
    case failure
    /// The event itself, with what went wrong as attributes.
    case deadLetter = "dead-letter"
  }

  /// A UUID.
  package var id: String
  package var kind: Kind
  /// Of a queue, a topic, an event bus or a bucket.
  package var target: String
  package var function: FunctionID
  /// With the qualifier that was invoked.
  package var functionARN: String
  package var requestID: String
  /// The role as which it is delivered.
  package var role: String
  package var body: [UInt8]
  /// What a dead letter says was wrong.
  package var errorMessage: String
  /// Milliseconds since 1970.
  package var made: Int64
  package var attempts: Int

  package init(
    id: String, kind: Kind, target: String, function: FunctionID, functionARN: String, requestID: String, role: String, body: [UInt8],
    errorMessage: String, made: Int64, attempts: Int = 0
  ) {
    self.id = id
    self.kind = kind
    self.target = target
    self.function = function
    self.functionARN = functionARN
    self.requestID = requestID
    self.role = role
    self.body = body
    self.errorMessage = errorMessage
    self.made = made
    self.attempts = attempts
  }
}
