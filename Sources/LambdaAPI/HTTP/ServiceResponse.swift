package import FunctionModel
package import HTTPTypes
package import NIOCore

/// An answer before it is written by whichever server took the request.
package struct ServiceResponse: Sendable {
  package var head: HTTPResponse
  package var body: ByteBuffer

  package init(status: Int, fields: HTTPFields, body: ByteBuffer = ByteBuffer()) {
    head = HTTPResponse(status: .init(code: status), headerFields: fields)
    self.body = body
    // A 204 must not carry the field (RFC 9110 §8.6).
    if status != 204 { head.headerFields[.contentLength] = String(body.readableBytes) }
  }

  /// A JSON answer of an operation; without a value the body is empty.
  package init(status: Int, json: JSONValue?, requestID: String) {
    var fields: HTTPFields = [.amznRequestID: requestID]
    if json != nil { fields[.contentType] = "application/json" }
    self.init(status: status, fields: fields, body: json?.encoded() ?? ByteBuffer())
  }

  /// An error in the form of AWS's rest-json protocol.
  ///
  /// <https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization>
  package init(_ error: ServiceError, requestID: String) {
    var object = JSONObject()
    object.add("Type", error.fault.map { .string($0) })
    object.add(error.messageKey, error.message.isEmpty ? .null : .string(error.message))
    for (name, value) in error.members.sorted(by: { $0.key < $1.key }) { object.add(name, .string(value)) }
    self.init(status: error.status, json: .object(object), requestID: requestID)
    head.headerFields[.amznErrorType] = error.type
    if let seconds = error.retryAfterSeconds { head.headerFields[.retryAfter] = String(seconds) }
  }
}
