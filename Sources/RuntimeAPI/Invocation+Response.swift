import NIOCore
import NIOHTTP1

extension Invocation {
  /// The response to `/next`: its head, and its body in the same buffer or, where copying would cost more than a second vector of one writev(2),
  /// beside it.
  func response(_ persistence: Persistence) -> (head: ByteBuffer, body: ByteBuffer?) {
    let isSmall = event.payload.readableBytes <= 16_384
    var head = ByteBuffer()
    head.reserveCapacity(1_024 + (isSmall ? event.payload.readableBytes : 0))
    head.writeStaticString("HTTP/1.1 200 OK\r\n")
    head.writeField("Content-Type", event.contentType ?? "application/json")
    head.writeField("Lambda-Runtime-Aws-Request-Id", event.requestID)
    head.writeField("Lambda-Runtime-Deadline-Ms", String(event.deadline))
    head.writeField("Lambda-Runtime-Invoked-Function-Arn", event.invokedFunctionARN)
    head.writeField("Lambda-Runtime-Trace-Id", event.traceID)
    head.writeStaticString("Lambda-Runtime-Invocation-Id: ")
    nonce.write(into: &head)
    head.writeStaticString("\r\n")
    if let clientContext = event.clientContext { head.writeField("Lambda-Runtime-Client-Context", clientContext) }
    if let cognitoIdentity = event.cognitoIdentity { head.writeField("Lambda-Runtime-Cognito-Identity", cognitoIdentity) }
    if let tenantID = event.tenantID { head.writeField("Lambda-Runtime-Aws-Tenant-Id", tenantID) }
    head.writeField("Content-Length", String(event.payload.readableBytes))
    head.endHead(persistence)
    guard isSmall else { return (head, event.payload) }
    head.writeImmutableBuffer(event.payload)
    return (head, nil)
  }
}
