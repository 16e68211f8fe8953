import FunctionModel
import NIOCore
import NIOHTTP1

/// What becomes of the connection after a response, and how the response says so.
enum Persistence {
  /// HTTP/1.1's default, which needs no words.
  case keep
  /// An HTTP/1.0 client asked for it and wants to hear that it was granted.
  case keepAnnounced
  case close

  init(_ head: HTTPRequestHead) {
    // After an upgrade request the decoder hands out nothing more, whether the upgrade was granted or not.
    if !head.isKeepAlive || head.method == .CONNECT || head.headers.contains(name: "Upgrade") {
      self = .close
    } else {
      self = head.version == .http1_0 ? .keepAnnounced : .keep
    }
  }
}

/// A response of which every byte is known beforehand.
struct RuntimeReply: Equatable {
  var status: HTTPResponseStatus
  var contentType: String?
  /// The method that the path does take; makes a 405 complete.
  var allow: String?
  var fields: [Field] = []
  var body: String

  struct Field: Equatable {
    var name: String
    var value: String
  }

  static let accepted = json(.accepted, #"{"status":"OK"}"#)
  static let pong = RuntimeReply(status: .ok, contentType: plainText, body: "pong")
  static let notFound = RuntimeReply(status: .notFound, contentType: plainText, body: "404 page not found\n")
  static let malformed = RuntimeReply(status: .badRequest, contentType: plainText, body: "400 Bad Request")
  static let headersTooLarge = RuntimeReply(
    status: .requestHeaderFieldsTooLarge, contentType: plainText, body: "431 Request Header Fields Too Large")
  static let truncated = error(.badRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated")
  static let invalidResponseMode = error(.badRequest, "InvalidFunctionResponseMode", "Invalid function response mode")
  static let tooLarge = tooLarge(limit: Limits.runtimePayloadBytes)

  static func tooLarge(limit: Int) -> RuntimeReply {
    error(.payloadTooLarge, "RequestEntityTooLarge", "Exceeded maximum allowed payload size (\(limit) bytes).")
  }

  static func methodNotAllowed(allow: String) -> RuntimeReply {
    RuntimeReply(status: .methodNotAllowed, allow: allow, body: "")
  }

  /// Neither text may contain a character that JSON escapes.
  static func error(_ status: HTTPResponseStatus, _ type: String, _ message: String) -> RuntimeReply {
    json(status, #"{"errorMessage":"\#(message)","errorType":"\#(type)"}"#)
  }

  /// The message may contain anything.
  static func error(_ status: HTTPResponseStatus, _ type: String, quoting message: String) -> RuntimeReply {
    json(status, #"{"errorMessage":\#(message.quotedJSON),"errorType":"\#(type)"}"#)
  }

  private static let plainText = "text/plain; charset=utf-8"

  private static func json(_ status: HTTPResponseStatus, _ object: String) -> RuntimeReply {
    RuntimeReply(status: status, contentType: "application/json", body: object + "\n")
  }

  /// The response's bytes; without the body if it answers a HEAD.
  func bytes(_ persistence: Persistence, headOnly: Bool = false) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writeStatusLine(status)
    if let contentType { buffer.writeField("Content-Type", contentType) }
    if let allow { buffer.writeField("Allow", allow) }
    for field in fields { buffer.writeField(field.name, field.value) }
    buffer.writeField("Content-Length", String(body.utf8.count))
    buffer.endHead(persistence)
    if !headOnly { buffer.writeString(body) }
    return buffer
  }
}

extension ByteBuffer {
  mutating func writeStatusLine(_ status: HTTPResponseStatus) {
    writeStaticString("HTTP/1.1 ")
    writeString(String(status.code))
    writeStaticString(" ")
    writeString(status.reasonPhrase)
    writeStaticString("\r\n")
  }

  /// Control characters become spaces: a line break inside a value would end the field, and in JSON they can only be white space anyway.
  mutating func writeField(_ name: StaticString, _ value: String) {
    writeStaticString(name)
    writeFieldValue(value)
  }

  mutating func writeField(_ name: String, _ value: String) {
    writeString(name)
    writeFieldValue(value)
  }

  private mutating func writeFieldValue(_ value: String) {
    writeStaticString(": ")
    if value.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
      writeBytes(value.utf8.lazy.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 })
    } else {
      writeString(value)
    }
    writeStaticString("\r\n")
  }

  mutating func endHead(_ persistence: Persistence) {
    switch persistence {
    case .keep: writeStaticString("\r\n")
    case .keepAnnounced: writeStaticString("Connection: keep-alive\r\n\r\n")
    case .close: writeStaticString("Connection: close\r\n\r\n")
    }
  }
}
