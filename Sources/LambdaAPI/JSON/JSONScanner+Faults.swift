// The wording of faults: that of the parser behind AWS Lambda, whose messages people search for.
extension JSONScanner {
  static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 48...57, 65...90, 97...122, UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...0xFF: true
    default: false
    }
  }

  static func unrecognizedToken(_ bytes: Span<UInt8>, _ start: Int) -> JSONFault {
    var token: [UInt8] = []
    var cursor = start
    while cursor < bytes.count, isWordByte(bytes[cursor]), token.count < 64 {
      token.append(bytes[cursor])
      cursor += 1
    }
    let text = String(decoding: token, as: UTF8.self)
    return JSONFault(
      reason: "Unrecognized token '\(text)': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
      offset: start)
  }

  static func unexpected(_ bytes: Span<UInt8>, _ offset: Int, _ wanted: String) -> JSONFault {
    guard offset < bytes.count else { return JSONFault(reason: "Unexpected end-of-input: was expecting \(wanted)", offset: offset) }
    return JSONFault(reason: "Unexpected character (\(display(bytes[offset]))): was expecting \(wanted)", offset: offset)
  }

  static func display(_ byte: UInt8) -> String {
    (0x21..<0x7F).contains(byte) ? "'\(Character(UnicodeScalar(byte)))' (code \(byte))" : "code \(byte)"
  }
}
