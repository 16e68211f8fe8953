package import NIOCore

extension JSONValue {
  /// As compact JSON.
  package var text: String { String(buffer: encoded()) }

  package func encoded() -> ByteBuffer {
    var buffer = ByteBuffer()
    write(into: &buffer)
    return buffer
  }

  private func write(into buffer: inout ByteBuffer) {
    switch self {
    case .null: buffer.writeStaticString("null")
    case .bool(let value): buffer.writeString(value ? "true" : "false")
    case .number(let text): buffer.writeString(text)
    case .string(let text): Self.write(text, into: &buffer)
    case .array(let elements):
      buffer.writeStaticString("[")
      for (index, element) in elements.enumerated() {
        if index > 0 { buffer.writeStaticString(",") }
        element.write(into: &buffer)
      }
      buffer.writeStaticString("]")
    case .object(let object):
      buffer.writeStaticString("{")
      for (index, member) in object.members.enumerated() {
        if index > 0 { buffer.writeStaticString(",") }
        Self.write(member.name, into: &buffer)
        buffer.writeStaticString(":")
        member.value.write(into: &buffer)
      }
      buffer.writeStaticString("}")
    }
  }

  private static func write(_ text: String, into buffer: inout ByteBuffer) {
    buffer.writeStaticString("\"")
    let needsEscape = text.utf8.contains { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
    if needsEscape {
      for byte in text.utf8 { writeEscaped(byte, into: &buffer) }
    } else {
      buffer.writeString(text)
    }
    buffer.writeStaticString("\"")
  }

  private static func writeEscaped(_ byte: UInt8, into buffer: inout ByteBuffer) {
    switch byte {
    case UInt8(ascii: "\""): buffer.writeStaticString("\\\"")
    case UInt8(ascii: "\\"): buffer.writeStaticString("\\\\")
    case 0x0A: buffer.writeStaticString("\\n")
    case 0x0D: buffer.writeStaticString("\\r")
    case 0x09: buffer.writeStaticString("\\t")
    case 0..<0x20:
      let digits = Array("0123456789abcdef".utf8)
      buffer.writeStaticString("\\u00")
      buffer.writeInteger(digits[Int(byte >> 4)])
      buffer.writeInteger(digits[Int(byte & 15)])
    default: buffer.writeInteger(byte)
    }
  }
}
