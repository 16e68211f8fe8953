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
  package var traceID: String?
  package var contentType: String?

  /// The function's name as it stands in the path, still encoded; `nil` if this is not an Invoke request.
  package static func functionName(in head: HTTPRequest) -> Substring? {
    guard head.method == .post, let target = head.path, target.hasPrefix(prefix) else { return nil }
    let path = target.utf8.firstIndex(of: UInt8(ascii: "?")).map { target[..<$0] } ?? target[...]
    guard path.hasSuffix(suffix), path.utf8.count > prefix.utf8.count + suffix.utf8.count else { return nil }
    let name = path.dropFirst(prefix.count).dropLast(suffix.count)
    return name.utf8.contains(UInt8(ascii: "/")) ? nil : name
  }

  private static let prefix = "/2015-03-31/functions/"
  private static let suffix = "/invocations"

  package init(_ head: HTTPRequest, name: some StringProtocol, caller: Owner) throws(ServiceError) {
    let target = head.path ?? ""
    let qualifier = target.utf8.contains(UInt8(ascii: "?")) ? RequestTarget(target).value("Qualifier") : nil
    function = try FunctionReference(PercentCoding.decode(name), qualifier: qualifier, caller: caller)
    let fields = head.headerFields
    type = try Self.choice(fields[.amzInvocationType], at: "invocationType", InvocationType.init, Self.types) ?? .requestResponse
    wantsLogTail = try Self.choice(fields[.amzLogType], at: "logType", { $0 }, ["None", "Tail"]) == "Tail"
    clientContext = try fields[.amzClientContext].map(Self.decodeClientContext)
    traceID = fields[.amznTraceID]
    contentType = fields[.contentType]
  }

  private static let types = ["Event", "RequestResponse", "DryRun"]

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

  static func payloadTooLarge() -> ServiceError {
    .requestEntityTooLarge("Request must be smaller than \(Limits.synchronousPayloadBytes) bytes for the InvokeFunction operation")
  }
}
