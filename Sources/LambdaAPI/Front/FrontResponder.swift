internal import Signing
internal import Crypto
internal import FunctionModel
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore
internal import Store

/// What the front server does with every request but Invoke: authenticate, choose the AWS service, perform the operation.
///
/// There is no router: one table of operations decides, and what it does not know is answered as AWS does, in JSON.
struct FrontResponder: HTTPResponder {
  typealias Context = FrontContext

  let service: LambdaService
  let authenticator: any Authenticator

  func respond(to request: Request, context: FrontContext) async -> Response {
    if let (id, target) = FunctionURLResponder.match(request.head) {
      return await FunctionURLResponder(service: service, authenticator: authenticator)
        .respond(to: request, id: id, target: target, sourceIP: context.sourceIP)
    }
    let target = RequestTarget(request.head.path ?? "/")
    if request.method == .get, target.path.hasPrefix(DownloadTokens.prefix) { return await download(target) }
    do throws(ServiceError) {
      let authentication = try authenticator.begin(request.head)
      // The place where the neighbouring AWS services come in: one endpoint, told apart by the scope of the signature.
      guard authentication.service == "lambda" else { throw .wrongService(authentication.service) }
      return Response(
        try await service.answer(request) { (body) async throws(ServiceError) in
          let caller = try authentication.finish { Self.digest(body) }
          return await service.respond(to: request.head, body: body, as: caller, baseURL: request.head.authority.map { "http://\($0)" })
        })
    } catch {
      return Self.refusal(error)
    }
  }

  static func digest(_ body: ByteBuffer) -> String {
    var hasher = SHA256()
    var rest = body
    while let part = rest.readSlice(length: min(rest.readableBytes, 1 << 16)), part.readableBytes > 0 {
      hasher.update(data: Array(part.readableBytesView))
    }
    return Hexadecimal.text(hasher.finalize())
  }

  /// An archive by a URL that needs no signature.
  private func download(_ target: RequestTarget) async -> Response {
    guard let digest = service.downloads.artifact(target) else {
      return Self.refusal(ServiceError("AccessDeniedException", status: 403, message: "Request has expired", fault: nil))
    }
    do throws(ArtifactError) {
      let zip = try await service.artifacts.zip(digest)
      return Response(status: .ok, headers: [.contentType: "application/zip"], body: .init(byteBuffer: ByteBuffer(bytes: zip)))
    } catch {
      return Self.refusal(.resourceNotFound("There is no such archive any more."))
    }
  }

  private static func refusal(_ error: ServiceError) -> Response {
    var identifiers = IdentifierSource()
    return Response(ServiceResponse(error, requestID: identifiers.uuid()))
  }
}

/// A request's surroundings: from where it comes.
struct FrontContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  /// The peer's address, without the port.
  let sourceIP: String

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    sourceIP = source.channel.remoteAddress?.ipAddress ?? ""
  }
}

extension LambdaService {
  /// The body of a request to a function URL.
  func body(of request: Request) async throws(ServiceError) -> ByteBuffer {
    let limit = Limits.synchronousPayloadBytes
    let tooLarge = ServiceError.payloadTooLarge(.invoke)
    if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge }
    return try await Self.collect(request, limit, tooLarge) { _ in }
  }

  /// Reads the whole body, if it is not larger than the operation allows, and has it answered.
  func answer(
    _ request: Request, _ respond: (ByteBuffer) async throws(ServiceError) -> ServiceResponse
  ) async throws(ServiceError) -> ServiceResponse {
    let (operation, limit) = bodyLimit(request.head)
    let tooLarge = ServiceError.requestEntityTooLarge("Request must be smaller than \(limit) bytes for the \(operation) operation")
    if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge }
    guard limit == Limits.createFunctionBodyBytes else { return try await respond(Self.collect(request, limit, tooLarge) { _ in }) }
    var upload = try uploads.begin()
    defer { upload.end() }
    let body = try await Self.collect(request, limit, tooLarge) { (count) throws(ServiceError) in try upload.add(bytes: count) }
    return try await respond(body)
  }

  /// - Parameter count: is told of bytes before they are kept.
  private static func collect(
    _ request: Request, _ limit: Int, _ tooLarge: ServiceError, _ count: (Int) throws(ServiceError) -> Void
  ) async throws(ServiceError) -> ByteBuffer {
    var body = ByteBuffer()
    do {
      for try await var part in request.body {
        guard part.readableBytes <= limit - body.readableBytes else { throw tooLarge }
        try count(part.readableBytes)
        body.writeBuffer(&part)
      }
      return body
    } catch let error as ServiceError {
      throw error
    } catch {
      throw .serialization("The request body could not be read: \(error)")
    }
  }
}

extension Response {
  init(_ response: ServiceResponse) {
    self.init(status: response.head.status, headers: response.head.headerFields, body: .init(byteBuffer: response.body))
  }
}
