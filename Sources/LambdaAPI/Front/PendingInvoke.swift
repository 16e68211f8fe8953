internal import Signing
internal import Crypto
internal import FunctionModel
internal import HTTPTypes
internal import NIOCore

/// An Invoke request while its body arrives.
struct PendingInvoke {
  let head: HTTPRequest
  let route: InvokeRoute
  /// Found wrong before the body had arrived: the rest of it is read and dropped, so that the client, which may not read an answer
  /// while it still writes, gets it.
  private(set) var refusal: ServiceError?
  private var authentication: PendingAuthentication?
  private var hasher = SHA256()
  private var body: ByteBuffer?
  private(set) var received = 0

  init(_ head: HTTPRequest, _ route: InvokeRoute, authenticator: any Authenticator) {
    self.head = head
    self.route = route
    do throws(ServiceError) {
      let authentication = try authenticator.begin(head)
      guard authentication.service == "lambda" else { throw .wrongService(authentication.service) }
      self.authentication = authentication
    } catch {
      refusal = error
    }
  }

  mutating func append(_ part: ByteBuffer) {
    received += part.readableBytes
    if refusal == nil, received > Limits.synchronousPayloadBytes { refusal = .payloadTooLarge(route.operation) }
    guard refusal == nil else {
      body = nil
      return
    }
    if case .awaitingBody = authentication { hasher.update(data: Array(part.readableBytesView)) }
    guard body == nil else {
      body?.writeImmutableBuffer(part)
      return
    }
    body = part
  }

  /// The payload and who sent it, once it is whole.
  consuming func finish() throws(ServiceError) -> (Principal, ByteBuffer) {
    if let refusal { throw refusal }
    guard let authentication else { throw .missingAuthenticationToken }
    let hasher = self.hasher
    let caller = try authentication.finish(bodyDigest: { Hexadecimal.text(hasher.finalize()) })
    return (caller, body ?? ByteBuffer())
  }
}

extension ServiceError {
  /// The place where the neighbouring AWS services come in.
  static func wrongService(_ service: String) -> ServiceError {
    var error = unknownOperation("This release of Roost speaks for the AWS service lambda only, not for '\(service)'.")
    // Where the services of AWS's JSON protocols look for the type.
    error.members["__type"] = error.type
    return error
  }
}
