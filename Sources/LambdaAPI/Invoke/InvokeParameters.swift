internal import Signing
internal import FoundationEssentials
package import FunctionModel
package import HTTPTypes
internal import NIOCore

/// What the head of an Invoke request asks for.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
package struct InvokeParameters: Sendable, Hashable {
  package var function: FunctionReference
  package var type: InvocationType
  package var wantsLogTail: Bool
  /// The JSON inside `X-Amz-Client-Context`.
  package var clientContext: String?
  package var tenantID: String?
  package var traceID: String?
  package var contentType: String?

  package init(_ head: HTTPRequest, _ route: InvokeRoute, caller: Owner) throws(ServiceError) {
    let target = head.path ?? ""
    let qualifier = target.utf8.contains(UInt8(ascii: "?")) ? RequestTarget(target).value("Qualifier") : nil
    function = try FunctionReference(PercentCoding.decode(route.name), qualifier: qualifier, caller: caller)
    let fields = head.headerFields
    type =
      if route.operation == .invokeAsync { .event } else {
        try Self.choice(fields[.amzInvocationType], at: "invocationType", InvocationType.init, Self.types(route.operation))
          ?? .requestResponse
      }
    wantsLogTail = try Self.choice(fields[.amzLogType], at: "logType", { $0 }, ["None", "Tail"]) == "Tail"
    clientContext = try fields[.amzClientContext].map(Self.decodeClientContext)
    tenantID = try fields[.amzTenantID].map(Self.checkTenantID)
    traceID = fields[.amznTraceID]
    contentType = fields[.contentType]
  }

  private static func types(_ operation: InvokeRoute.Operation) -> [String] {
    switch operation {
    case .invoke: ["Event", "RequestResponse", "DryRun"]
    case .invokeAsync: ["Event"]
    case .invokeWithResponseStream: ["RequestResponse", "DryRun"]
    }
  }

  private static func checkTenantID(_ text: String) throws(ServiceError) -> String {
    var report = ConstraintReport()
    report.check(text, at: "tenantId", [.length(1...256), .pattern("[a-zA-Z0-9\\._:\\/=+\\-@ ]+", isTenantID)])
    try report.finish()
    return text
  }

  private static func isTenantID(_ text: String) -> Bool {
    text.utf8.allSatisfy { NameCharacters.isName($0) || " .:/=+@".utf8.contains($0) }
  }

  private static func choice<Value>(
    _ text: String?, at path: String, _ make: (String) -> Value?, _ values: [String]
  ) throws(ServiceError) -> Value? {
    guard let text, !text.isEmpty else { return nil }
    if values.contains(text), let value = make(text) { return value }
    var report = ConstraintReport()
    report.check(text, at: path, [.oneOf(values)])
    try report.finish()
    return nil
  }

  private static func decodeClientContext(_ text: String) throws(ServiceError) -> String {
    guard text.utf8.count <= Limits.clientContextBytes else {
      throw .invalidRequestContent("Client context must be no more than \(Limits.clientContextBytes) bytes.")
    }
    guard let data = Data(base64Encoded: text), case .object? = try? JSONValue(parsing: .init(bytes: data)) else {
      throw .invalidRequestContent("Client context must be a valid Base64-encoded JSON object.")
    }
    return String(decoding: data, as: UTF8.self)
  }
}

extension ServiceError {
  static func invalidRequestContent(_ message: String) -> ServiceError {
    ServiceError("InvalidRequestContentException", status: 400, message: message)
  }

  /// Not in the model, so without `Type`.
  static func requestEntityTooLarge(_ message: String) -> ServiceError {
    ServiceError("RequestEntityTooLargeException", status: 413, message: message, fault: nil)
  }

  static func payloadTooLarge(_ operation: InvokeRoute.Operation) -> ServiceError {
    .requestEntityTooLarge("Request must be smaller than \(Limits.synchronousPayloadBytes) bytes for the \(operation.rawValue) operation")
  }

  static func eventTooLarge(_ bytes: Int) -> ServiceError {
    .requestEntityTooLarge(
      "\(bytes) byte payload is too large for the Event invocation type (limit \(Limits.asynchronousPayloadBytes) bytes)")
  }
}
