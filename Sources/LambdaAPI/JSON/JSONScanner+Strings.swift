extension JSONScanner {
  /// From the opening quote to behind the closing one.
  static func scanString(_ bytes: Span<UInt8>, _ cursor: inout Int) throws(JSONFault) {
    cursor += 1
    while cursor < bytes.count {
      let byte = bytes[cursor]
      switch byte {
      case UInt8(ascii: "\""):
        cursor += 1
        return
      case UInt8(ascii: "\\"): try scanEscape(bytes, &cursor)
      case 0..<0x20: throw JSONFault(reason: "Illegal unquoted character (\(display(byte))) in string", offset: cursor)
      case 0x20..<0x80: cursor += 1
      default: try scanScalarValue(bytes, &cursor)
      }
    }
    throw JSONFault(reason: "Unexpected end-of-input: was expecting closing quote for a string value", offset: cursor)
  }

  private static func scanEscape(_ bytes: Span<UInt8>, _ cursor: inout Int) throws(JSONFault) {
    guard cursor + 1 < bytes.count else {
      throw JSONFault(reason: "Unexpected end-of-input in character escape sequence", offset: cursor)
    }
    switch bytes[cursor + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
      UInt8(ascii: "r"), UInt8(ascii: "t"):
      cursor += 2
    case UInt8(ascii: "u"):
      guard cursor + 6 <= bytes.count else {
        throw JSONFault(reason: "Unexpected end-of-input in character escape sequence", offset: cursor)
      }
      for position in cursor + 2..<cursor + 6 where hexadecimal(bytes[position]) == nil {
        throw unexpected(bytes, position, "a hex-digit for character escape sequence")
      }
      cursor += 6
    default:
      throw JSONFault(reason: "Unrecognized character escape \(display(bytes[cursor + 1]))", offset: cursor + 1)
    }
  }

  /// One scalar value of more than one byte; the ranges are table 3-7 of the Unicode standard.
  private static func scanScalarValue(_ bytes: Span<UInt8>, _ cursor: inout Int) throws(JSONFault) {
    let following: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch bytes[cursor] {
    case 0xC2...0xDF: following = 1
    case 0xE0: (following, second) = (2, 0xA0...0xBF)
    case 0xED: (following, second) = (2, 0x80...0x9F)
    case 0xE1...0xEF: following = 2
    case 0xF0: (following, second) = (3, 0x90...0xBF)
    case 0xF4: (following, second) = (3, 0x80...0x8F)
    case 0xF1...0xF3: following = 3
    default: throw JSONFault(reason: "Invalid UTF-8 start byte 0x\(String(bytes[cursor], radix: 16))", offset: cursor)
    }
    guard cursor + following < bytes.count else { throw JSONFault(reason: "Unexpected end-of-input in a UTF-8 sequence", offset: cursor) }
    for position in 1...following {
      let byte = bytes[cursor + position]
      guard position == 1 ? second.contains(byte) : (0x80...0xBF).contains(byte) else {
        throw JSONFault(reason: "Invalid UTF-8 middle byte 0x\(String(byte, radix: 16))", offset: cursor + position)
      }
    }
    cursor += following + 1
  }

  static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
  }
}
