internal import FoundationEssentials
internal import HTTPTypes
internal import NIOCore

/// A function's answer as an HTTP response.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-response-payload>
struct FunctionURLReply {
  var status = 200
  var fields = HTTPFields()
  var body: ByteBuffer

  /// - Parameter payload: an object with a `statusCode` says all itself; anything else is the body. `nil` if such an object is not well formed.
  init?(_ payload: ByteBuffer) {
    body = payload
    fields[.contentType] = "application/json"
    guard let value = try? JSONValue(parsing: payload) else { return }
    if case .string(let text) = value { body = ByteBuffer(string: text) }
    guard case .object = value, value.member("statusCode") != nil else { return }
    guard let status = Self.status(value) else { return nil }
    self.status = status
    guard addFields(value), let body = Self.body(value) else { return nil }
    self.body = body
  }

  /// The head of a response that is streamed.
  ///
  /// - Parameters:
  ///   - prelude: what the function says of it, a JSON object; `nil` if this is none.
  ///   - rest: what there is of the body.
  init?(prelude: ByteBuffer, rest: ByteBuffer) {
    body = rest
    fields[.contentType] = "application/octet-stream"
    guard let value = try? JSONValue(parsing: prelude), case .object = value else { return nil }
    if value.member("statusCode") != nil {
      guard let status = Self.status(value) else { return nil }
      self.status = status
    }
    guard addFields(value) else { return nil }
  }

  /// The head of a response that is streamed without saying more of itself.
  init(contentType: String?, rest: ByteBuffer) {
    body = rest
    fields[.contentType] = contentType.flatMap { HTTPField.isValidValue($0) ? $0 : nil } ?? "application/octet-stream"
  }

  private static func status(_ value: JSONValue) -> Int? {
    let code = value.member("statusCode")
    guard let status = code?.integer ?? code?.string.flatMap({ Int($0) }), (200...599).contains(status) else { return nil }
    return status
  }

  /// - Returns: false if a header is no header.
  private mutating func addFields(_ value: JSONValue) -> Bool {
    if case .object(let headers)? = value.member("headers") {
      for header in headers.members {
        guard let name = HTTPField.Name(header.name), let text = Self.text(header.value) else { return false }
        // Framing is this server's.
        if name != .contentLength, name != .transferEncoding, name != .connection { fields[name] = text }
      }
    }
    for cookie in value.member("cookies")?.array?.compactMap(\.string) ?? [] {
      guard HTTPField.isValidValue(cookie) else { return false }
      fields.append(HTTPField(name: .setCookie, value: cookie))
    }
    return true
  }

  private static func text(_ value: JSONValue) -> String? {
    switch value {
    case .string(let text): HTTPField.isValidValue(text) ? text : nil
    case .number(let text): text
    case .bool(let flag): flag ? "true" : "false"
    case .null, .array, .object: nil
    }
  }

  private static func body(_ value: JSONValue) -> ByteBuffer? {
    guard let body = value.member("body") else { return ByteBuffer() }
    guard let text = body.string else { return body.encoded() }
    guard value.member("isBase64Encoded")?.bool == true else { return ByteBuffer(string: text) }
    return Data(base64Encoded: text).map { ByteBuffer(bytes: $0) }
  }
}
