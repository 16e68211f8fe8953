internal import Signing
internal import Crypto
internal import FunctionModel
package import HTTPTypes
package import Logging
package import NIOCore
internal import NIOPosix
internal import Scheduling
package import Store

/// The operations of AWS Lambda over the catalog, the artefacts and the scheduler, whatever server carries them.
///
/// The front server and the administrator's socket share one of these; they differ in how they learn who calls.
package final class LambdaService: Sendable {
  let catalog: Catalog
  let artifacts: ArtifactStore
  let invoker: any Invoker
  let configuration: FrontConfiguration
  let clock: TimeSource
  let logger: Logger
  let downloads: DownloadTokens
  let uploads = UploadsInHand()

  package init(
    catalog: Catalog, artifacts: ArtifactStore, invoker: any Invoker, configuration: FrontConfiguration, logger: Logger,
    clock: TimeSource = .system
  ) {
    self.catalog = catalog
    self.artifacts = artifacts
    self.invoker = invoker
    self.configuration = configuration
    self.clock = clock
    self.logger = logger
    downloads = DownloadTokens(clock: clock)
  }

  var invocations: Invocations { Invocations(catalog: catalog, invoker: invoker, clock: clock) }

  /// What a request may carry, known from its head, so that no more is read.
  func bodyLimit(_ head: HTTPRequest) -> (operation: String, bytes: Int) {
    if let route = InvokeRoute(head) { return (route.operation.rawValue, Limits.synchronousPayloadBytes) }
    let operation = Operation.find(head.method, RequestTarget(head.path ?? "/"))?.0
    return (operation?.name ?? "requested", operation?.bodyLimit ?? Limits.synchronousPayloadBytes)
  }

  /// Performs one request for a caller who has been authenticated. Never throws: what is wrong becomes AWS's error.
  ///
  /// - Parameter baseURL: scheme and authority by which the caller reached this server, as in `http://127.0.0.1:3001`; `nil` takes the
  ///   configured one.
  package func respond(
    to head: HTTPRequest, body: ByteBuffer, as caller: Principal, baseURL: String? = nil
  ) async -> ServiceResponse {
    var identifiers = IdentifierSource()
    let requestID = identifiers.uuid()
    if let route = InvokeRoute(head), route.operation != .invokeWithResponseStream {
      return await invoke(head, route, payload: body, as: caller, requestID: requestID, &identifiers)
    }
    do throws(ServiceError) {
      let target = RequestTarget(head.path ?? "/")
      guard let (operation, parameters) = Operation.find(head.method, target) else {
        throw .unknownOperation("There is no operation \(head.method.rawValue) \(target.path) in this release of Roost.")
      }
      let call = OperationCall(
        caller: caller, parameters: parameters, target: target, body: try Self.body(body, operation),
        baseURL: configuration.advertisedURL ?? baseURL ?? "http://\(configuration.host):\(configuration.port)")
      let answer = try await operation.handler(self, call)
      return ServiceResponse(status: operation.success, json: answer, requestID: requestID)
    } catch {
      if error.status >= 500 { logger.error("request failed", metadata: ["request-id": "\(requestID)", "error": "\(error.message)"]) }
      return ServiceResponse(error, requestID: requestID)
    }
  }

  private static func body(_ body: ByteBuffer, _ operation: Operation) throws(ServiceError) -> JSONValue {
    guard let schema = operation.schema else { return .object(JSONObject()) }
    let value: JSONValue
    do throws(JSONFault) {
      value = try body.readableBytes == 0 ? .object(JSONObject()) : JSONValue(parsing: body)
    } catch {
      throw .serialization("Could not parse request body into json: \(error)")
    }
    var report = ConstraintReport()
    try schema.check(value, &report)
    try report.finish()
    return value
  }

  /// Invoke for servers without the interceptor, such as the administrator's socket.
  private func invoke(
    _ head: HTTPRequest, _ route: InvokeRoute, payload: ByteBuffer, as caller: Principal, requestID: String,
    _ identifiers: inout IdentifierSource
  ) async -> ServiceResponse {
    do throws(ServiceError) {
      let plan = try invocations.plan(
        head, route, payload: payload, caller: caller, requestID: requestID, identifiers: &identifiers)
      let request: InvocationRequest
      switch plan {
      case .nothing: return .nothing(requestID: requestID)
      case .accept(let event):
        try await invoker.accept(event)
        return .accepted(requestID: requestID)
      case .run(let planned): request = planned
      }
      let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
      let result = await withCheckedContinuation { continuation in
        invoker.invoke(request, on: eventLoop) { continuation.resume(returning: $0) }
      }
      return Invocations.response(result, requestID: requestID, traceID: request.traceID)
    } catch {
      return ServiceResponse(error, requestID: requestID)
    }
  }
}

extension ServiceResponse {
  /// What a dry run answers.
  static func nothing(requestID: String) -> ServiceResponse { ServiceResponse(status: 204, json: nil, requestID: requestID) }

  /// What an asynchronous invocation answers.
  static func accepted(requestID: String) -> ServiceResponse { ServiceResponse(status: 202, json: nil, requestID: requestID) }
}

extension ServiceError {
  /// <https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html>
  static func unknownOperation(_ message: String) -> ServiceError {
    ServiceError("UnknownOperationException", status: 404, message: message, fault: nil)
  }

  static let preconditionFailed = ServiceError(
    "PreconditionFailedException", status: 412,
    message: "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest "
      + "Revision Id")

  /// A fault of ours; the details are for the log, not for the caller.
  static func host(_ error: some Error) -> ServiceError {
    if let error = error as? CatalogError, error.isOutOfSpace {
      return .service("The host could not perform the operation: its disk is full")
    }
    return .service("The host could not perform the operation: \(error)")
  }
}
