package import NIOCore

extension JSONValue {
  /// How deep a control-plane body may nest; what is deeper is no request of AWS's.
  private static let maximumDepth = 64
  /// How many values it may hold: a tree costs far more memory than its text.
  private static let maximumValues = 100_000

  /// The one JSON value in the readable bytes of `buffer`.
  package init(parsing buffer: ByteBuffer) throws(JSONFault) {
    if let fault = JSONScanner.fault(in: buffer, maximumDepth: Self.maximumDepth) { throw fault }
    var parser = JSONParser(buffer: buffer, remaining: Self.maximumValues)
    self = try parser.value()
  }
}

/// Builds the tree from bytes that ``JSONScanner`` has accepted, and therefore expects no syntax errors.
private struct JSONParser {
  let buffer: ByteBuffer
  var remaining: Int
  /// Relative to the first readable byte.
  var cursor = 0

  init(buffer: ByteBuffer, remaining: Int) {
    self.buffer = buffer
    self.remaining = remaining
  }

  mutating func value() throws(JSONFault) -> JSONValue {
    guard remaining > 0 else { throw JSONFault(reason: "Document holds too many values", offset: cursor) }
    remaining -= 1
    skipSpace()
    switch byte {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(string())
    case UInt8(ascii: "t"): return word(4, .bool(true))
    case UInt8(ascii: "f"): return word(5, .bool(false))
    case UInt8(ascii: "n"): return word(4, .null)
    default: return .number(number())
    }
  }

  private var byte: UInt8 { buffer.readableBytesUInt8Span[cursor] }

  private mutating func word(_ length: Int, _ value: JSONValue) -> JSONValue {
    cursor += length
    return value
  }

  private mutating func skipSpace() {
    while byte == 0x20 || (0x09...0x0D).contains(byte) { cursor += 1 }
  }

  /// Whether the next byte is `closing`; consumes it, or the comma before the next element.
  private mutating func ends(with closing: UInt8) -> Bool {
    skipSpace()
    if byte == closing {
      cursor += 1
      return true
    }
    if byte == UInt8(ascii: ",") { cursor += 1 }
    return false
  }

  private mutating func object() throws(JSONFault) -> JSONValue {
    cursor += 1
    var object = JSONObject()
    while !ends(with: UInt8(ascii: "}")) {
      skipSpace()
      let name = string()
      skipSpace()
      cursor += 1  // the colon
      object.add(name, try value())
    }
    return .object(object)
  }

  private mutating func array() throws(JSONFault) -> JSONValue {
    cursor += 1
    var elements: [JSONValue] = []
    while !ends(with: UInt8(ascii: "]")) { elements.append(try value()) }
    return .array(elements)
  }

  private mutating func number() -> String {
    let start = cursor
    cursor = numberEnd()
    return text(start, cursor)
  }

  private func numberEnd() -> Int {
    let bytes = buffer.readableBytesUInt8Span
    var position = cursor
    while position < bytes.count {
      switch bytes[position] {
      case 48...57, UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): position += 1
      default: return position
      }
    }
    return position
  }

  private func text(_ start: Int, _ end: Int) -> String {
    buffer.getString(at: buffer.readerIndex + start, length: end - start) ?? ""
  }

  private mutating func string() -> String {
    cursor += 1
    let start = cursor
    let (end, escaped) = stringEnd()
    cursor = end + 1
    return escaped ? unescaped(start, end) : text(start, end)
  }

  private func stringEnd() -> (end: Int, escaped: Bool) {
    let bytes = buffer.readableBytesUInt8Span
    var position = cursor
    var escaped = false
    while bytes[position] != UInt8(ascii: "\"") {
      if bytes[position] == UInt8(ascii: "\\") {
        escaped = true
        position += 1
      }
      position += 1
    }
    return (position, escaped)
  }

  /// Goes through UTF-16, the code `\u` escapes are written in: a pair of surrogates becomes one character, a lone one U+FFFD.
  private func unescaped(_ start: Int, _ end: Int) -> String {
    var units: [UInt16] = []
    var scalars = text(start, end).utf16.makeIterator()
    while let unit = scalars.next() {
      guard unit == 0x5C, let kind = scalars.next() else {
        units.append(unit)
        continue
      }
      switch kind {
      case 0x62: units.append(0x08)
      case 0x66: units.append(0x0C)
      case 0x6E: units.append(0x0A)
      case 0x72: units.append(0x0D)
      case 0x74: units.append(0x09)
      case 0x75:
        var code: UInt16 = 0
        for _ in 0..<4 { code = code << 4 | UInt16(JSONScanner.hexadecimal(UInt8(truncatingIfNeeded: scalars.next() ?? 48)) ?? 0) }
        units.append(code)
      default: units.append(kind)
      }
    }
    return String(decoding: units, as: UTF16.self)
  }
}
