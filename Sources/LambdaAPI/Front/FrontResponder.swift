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
  typealias Context = BasicRequestContext

  let service: LambdaService
  let authenticator: any Authenticator

  func respond(to request: Request, context: BasicRequestContext) async -> Response {
    let target = RequestTarget(request.head.path ?? "/")
    if request.method == .get, target.path.hasPrefix(DownloadTokens.prefix) { return await download(target) }
    do throws(ServiceError) {
      let authentication = try authenticator.begin(request.head)
      // The place where the neighbouring AWS services come in: one endpoint, told apart by the scope of the signature.
      guard authentication.service == "lambda" else { throw .wrongService(authentication.service) }
      let body = try await service.collect(request)
      let caller = try authentication.finish { Self.digest(body) }
      return Response(
        await service.respond(to: request.head, body: body, as: caller, baseURL: request.head.authority.map { "http://\($0)" }))
    } catch {
      return Self.refusal(error)
    }
  }

  private static func digest(_ body: ByteBuffer) -> String {
    var hasher = SHA256()
    var rest = body
    while let part = rest.readSlice(length: min(rest.readableBytes, 1 << 16)), part.readableBytes > 0 {
      hasher.update(data: Array(part.readableBytesView))
    }
    return hexadecimal(hasher.finalize())
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

extension LambdaService {
  /// The whole body, if it is not larger than the operation allows.
  func collect(_ request: Request) async throws(ServiceError) -> ByteBuffer {
    let (operation, limit) = bodyLimit(request.head)
    let tooLarge = ServiceError.requestEntityTooLarge("Request must be smaller than \(limit) bytes for the \(operation) operation")
    if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge }
    do {
      return try await request.body.collect(upTo: limit)
    } catch is NIOTooManyBytesError {
      throw tooLarge
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
