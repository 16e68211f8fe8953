internal import FoundationEssentials
internal import FunctionModel
internal import HTTPTypes
internal import NIOCore
internal import Scheduling
internal import Store

/// Turns Invoke requests into invocations and their results into answers; nothing here waits, so it may run on an event loop.
struct Invocations: Sendable {
  let catalog: Catalog
  let invoker: any Invoker
  let clock: TimeSource

  /// What to do with an Invoke request.
  enum Plan {
    /// `DryRun`: all was found well, answer 204.
    case nothing
    case run(InvocationRequest)
    /// `Event`: to be made durable, then answer 202.
    case accept(QueuedEvent)
  }

  /// Checks everything that can be wrong before a function runs.
  func plan(
    _ head: HTTPRequest, _ route: InvokeRoute, payload: ByteBuffer, caller: Principal, requestID: String,
    identifiers: inout IdentifierSource
  ) throws(ServiceError) -> Plan {
    let parameters = try InvokeParameters(head, route, caller: caller.owner)
    let version = try resolve(parameters.function, &identifiers)
    guard payload.readableBytes <= Limits.synchronousPayloadBytes else { throw .payloadTooLarge(route.operation) }
    switch parameters.type {
    case .dryRun: return .nothing
    case .event where payload.readableBytes > Limits.asynchronousPayloadBytes: throw .eventTooLarge(payload.readableBytes)
    case .event, .requestResponse: break
    }
    // No function here can have been made with it, and one that was not must not believe that it serves one tenant only.
    guard parameters.tenantID == nil else {
      throw .invalidParameterValue("The invoked function is not enabled with tenancy configuration.")
    }
    let event = try Self.event(payload)
    let traceID = parameters.traceID ?? identifiers.trace(milliseconds: clock.milliseconds())
    guard parameters.type == .requestResponse else {
      return .accept(
        QueuedEvent(
          requestID: requestID, function: parameters.function.id, qualifier: parameters.function.qualifier,
          payload: Array(event.readableBytesView), clientContext: parameters.clientContext, traceID: traceID,
          accepted: clock.milliseconds()))
    }
    return .run(
      InvocationRequest(
        requestID: requestID, version: version, invokedARN: parameters.function.arn, payload: event,
        contentType: parameters.contentType, clientContext: parameters.clientContext,
        traceID: traceID,
        wantsLogTail: parameters.wantsLogTail))
  }

  func resolve(_ reference: FunctionReference, _ identifiers: inout IdentifierSource) throws(ServiceError) -> FunctionVersion {
    let target = catalog.target(reference.id, qualifier: reference.qualifier) { Double.random(in: 0..<1, using: &identifiers) }
    guard let (version, state) = target else { throw .functionNotFound(reference.arn) }
    switch state {
    case .active: return version
    case .pending: throw .notInvocable("Pending")
    case .failed: throw .notInvocable("Failed")
    }
  }

  /// The event as the runtime gets it: an empty body is the empty object.
  private static func event(_ payload: ByteBuffer) throws(ServiceError) -> ByteBuffer {
    guard payload.readableBytes > 0 else { return ByteBuffer(string: "{}") }
    if let fault = JSONScanner.fault(in: payload) {
      throw .invalidRequestContent("Could not parse request body into json: \(fault)")
    }
    return payload
  }

  /// The answer to a request that was run, or refused by the scheduler.
  static func response(_ result: InvocationResult, requestID: String, traceID: String?) -> ServiceResponse {
    switch result {
    case .refused(let error): return ServiceResponse(error, requestID: requestID)
    case .completed(let reply):
      var fields = HTTPFields()
      fields.reserveCapacity(8)
      fields[.contentType] = reply.contentType ?? "application/json"
      fields[.amznRequestID] = requestID
      fields[.amzExecutedVersion] = reply.executedVersion
      if reply.functionError { fields[.amzFunctionError] = "Unhandled" }
      if let traceID { fields[.amznTraceID] = traceID }
      if let tail = reply.logTail { fields[.amzLogResult] = Data(tail.utf8).base64EncodedString() }
      return ServiceResponse(status: 200, fields: fields, body: reply.payload)
    }
  }
}

extension ServiceError {
  static func notInvocable(_ state: String) -> ServiceError {
    .resourceConflict("The operation cannot be performed at this time. The function is currently in the following state: \(state)")
  }
}
