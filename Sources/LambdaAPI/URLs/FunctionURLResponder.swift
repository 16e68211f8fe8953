internal import FunctionModel
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore
internal import NIOPosix
internal import Scheduling
internal import Signing
internal import Store

/// Answers requests to function URLs: by whom they may be made, what the function gets, and what its answer means.
struct FunctionURLResponder {
  let service: LambdaService
  let authenticator: any Authenticator

  /// The id and the target within it if this is a request to a function URL, by its host name or by its path.
  static func match(_ head: HTTPRequest) -> (id: String, target: String)? {
    let target = head.path ?? "/"
    if let id = FunctionURLAddress.id(authority: head.authority ?? "") { return (id, target) }
    guard target.hasPrefix(FunctionURLAddress.pathPrefix) else { return nil }
    let rest = target.dropFirst(FunctionURLAddress.pathPrefix.count)
    let id = rest.prefix { $0 != "/" && $0 != "?" }
    let inner = rest.dropFirst(id.count)
    return (String(id), inner.first == "/" ? String(inner) : "/\(inner)")
  }

  func respond(to request: Request, id: String, target: String, sourceIP: String) async -> Response {
    var identifiers = IdentifierSource()
    let requestID = identifiers.uuid()
    guard let (function, qualifier, url) = service.catalog.functionURL(id) else {
      return Self.refusal(403, .null, type: "AccessDeniedException", requestID)
    }
    let cors = request.headers[.origin].flatMap { origin in url.cors.map { (origin, $0) } }
    if request.method == .options, let (origin, cors) = cors, request.headers[.accessControlRequestMethod] != nil {
      return Response(status: .ok, headers: cors.preflight(for: origin))
    }
    var response: Response
    do throws(ServiceError) {
      let (caller, body) = try await admit(request, function, qualifier, url)
      let event = FunctionURLEvent(
        urlID: id, region: function.owner.region, head: request.head, target: target, body: body, sourceIP: sourceIP, requestID: requestID,
        time: service.clock.milliseconds(), caller: caller)
      response = try await invoke(event, function, qualifier, streams: url.invokeMode == "RESPONSE_STREAM", &identifiers)
    } catch {
      response = Self.refusal(error.status, error.message.isEmpty ? .null : .string(error.message), type: error.type, requestID)
    }
    if let (origin, cors) = cors, let fields = cors.fields(for: origin) {
      for field in fields { response.headers[field.name] = field.value }
    }
    return response
  }

  /// Reads the body and finds out who calls, and whether he may.
  private func admit(
    _ request: Request, _ function: FunctionID, _ qualifier: String, _ url: FunctionURL
  ) async throws(ServiceError) -> (Principal?, ByteBuffer) {
    let policy = service.catalog.setting(ResourcePolicy.self, of: function, qualifier: qualifier)
    guard url.needsSignature else {
      guard policy?.allowsURL(of: url, caller: nil) == true else { throw .forbidden }
      return (nil, try await service.body(of: request))
    }
    guard case let authentication = try authenticator.begin(request.head), authentication.service == "lambda" else { throw .forbidden }
    let body = try await service.body(of: request)
    let caller = try authentication.finish { FrontResponder.digest(body) }
    guard caller.owner.account == function.owner.account || policy?.allowsURL(of: url, caller: caller.owner.account) == true else {
      throw .forbidden
    }
    return (caller, body)
  }

  private func invoke(
    _ event: FunctionURLEvent, _ function: FunctionID, _ qualifier: String, streams: Bool, _ identifiers: inout IdentifierSource
  ) async throws(ServiceError) -> Response {
    let request = try request(event, function, qualifier, &identifiers)
    let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
    let reply: FunctionURLReply
    let body: ResponseBody
    if streams {
      let stream = FunctionURLStream(request) { service.invoker.invoke($0, on: eventLoop, completion: $1) }
      reply = try await stream.head()
      body = stream.body(after: reply.body)
    } else {
      reply = try await buffered(request, on: eventLoop)
      body = ResponseBody(byteBuffer: reply.body)
    }
    var fields = reply.fields
    fields[.amznRequestID] = event.requestID
    fields[.amznTraceID] = request.traceID
    // Neither of these has a body (RFC 9110 §6.4.1).
    let hasBody = ![204, 304].contains(reply.status)
    let response = Response(status: .init(code: reply.status), headers: fields, body: hasBody ? body : ResponseBody())
    return event.head.method == .head ? response.createHeadResponse() : response
  }

  private func request(
    _ event: FunctionURLEvent, _ function: FunctionID, _ qualifier: String, _ identifiers: inout IdentifierSource
  ) throws(ServiceError) -> InvocationRequest {
    let reference = FunctionReference(id: function, qualifier: qualifier.isEmpty ? nil : qualifier)
    let version = try service.invocations.resolve(reference, &identifiers)
    let payload = event.json.encoded()
    guard payload.readableBytes <= Limits.synchronousPayloadBytes else { throw .payloadTooLarge(.invoke) }
    return InvocationRequest(
      requestID: event.requestID, version: version, invokedARN: reference.arn, payload: payload, contentType: "application/json",
      traceID: event.head.headerFields[.amznTraceID] ?? identifiers.trace(milliseconds: event.time))
  }

  private func buffered(_ request: InvocationRequest, on eventLoop: any EventLoop) async throws(ServiceError) -> FunctionURLReply {
    let result = await withCheckedContinuation { continuation in
      service.invoker.invoke(request, on: eventLoop) { continuation.resume(returning: $0) }
    }
    switch result {
    case .refused(let error): throw error
    case .completed(let reply):
      guard !reply.functionError, let answer = FunctionURLReply(reply.payload) else { throw .badGateway }
      return answer
    }
  }

  private static func refusal(_ status: Int, _ message: JSONValue, type: String, _ requestID: String) -> Response {
    var object = JSONObject()
    object.add("Message", message)
    var response = ServiceResponse(status: status, json: .object(object), requestID: requestID)
    response.head.headerFields[.amznErrorType] = type
    return Response(response)
  }
}

extension ServiceError {
  fileprivate static let forbidden = ServiceError("AccessDeniedException", status: 403, message: "Forbidden")
  /// The function failed, or answered what is no response.
  static let badGateway = ServiceError("InternalServerErrorException", status: 502, message: "Internal Server Error")
}
