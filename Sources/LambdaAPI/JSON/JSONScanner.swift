package import NIOCore

/// Decides whether bytes are one JSON text (RFC 8259) without building anything from them.
///
/// The warm Invoke path needs only the verdict, so this is a loop over the bytes with a stack of open brackets: no allocation until
/// something is nested, no recursion that a caller could deepen. UTF-8 is checked too, because the runtime would refuse what we let pass.
package enum JSONScanner {
  /// As the parser behind AWS Lambda has it.
  package static let maximumDepth = 1_000

  /// `nil` if the readable bytes of `buffer` are one JSON value, with white space around it or not.
  package static func fault(in buffer: ByteBuffer, maximumDepth: Int = maximumDepth) -> JSONFault? {
    do throws(JSONFault) {
      try check(buffer.readableBytesUInt8Span, maximumDepth: maximumDepth)
      return nil
    } catch {
      return error
    }
  }

  private enum Container { case array, object }
  private enum Expectation { case value, valueOrArrayEnd, name, nameOrObjectEnd, separator }

  private static func check(_ bytes: Span<UInt8>, maximumDepth: Int) throws(JSONFault) {
    var open: [Container] = []
    var cursor = 0
    var expected = Expectation.value
    while true {
      skipSpace(bytes, &cursor)
      guard cursor < bytes.count else { throw JSONFault(reason: "Unexpected end-of-input", offset: cursor) }
      switch (expected, bytes[cursor]) {
      case (.valueOrArrayEnd, UInt8(ascii: "]")), (.nameOrObjectEnd, UInt8(ascii: "}")):
        cursor += 1
        open.removeLast()
        expected = .separator
      case (.value, UInt8(ascii: "{")), (.valueOrArrayEnd, UInt8(ascii: "{")):
        try push(.object, on: &open, maximumDepth, at: cursor)
        cursor += 1
        expected = .nameOrObjectEnd
      case (.value, UInt8(ascii: "[")), (.valueOrArrayEnd, UInt8(ascii: "[")):
        try push(.array, on: &open, maximumDepth, at: cursor)
        cursor += 1
        expected = .valueOrArrayEnd
      case (.value, _), (.valueOrArrayEnd, _):
        try scanScalar(bytes, &cursor)
        expected = .separator
      case (.name, _), (.nameOrObjectEnd, _):
        try scanName(bytes, &cursor)
        expected = .value
      case (.separator, let byte):
        expected = try scanSeparator(byte, &open, at: cursor)
        cursor += 1
      }
      guard expected == .separator, open.isEmpty else { continue }
      skipSpace(bytes, &cursor)
      guard cursor == bytes.count else { throw unexpected(bytes, cursor, "end of input") }
      return
    }
  }

  private static func push(_ container: Container, on open: inout [Container], _ limit: Int, at offset: Int) throws(JSONFault) {
    guard open.count < limit else {
      throw JSONFault(reason: "Document nesting depth (\(limit + 1)) exceeds the maximum allowed (\(limit))", offset: offset)
    }
    open.append(container)
  }

  private static func scanSeparator(_ byte: UInt8, _ open: inout [Container], at offset: Int) throws(JSONFault) -> Expectation {
    switch (open.last, byte) {
    case (.array?, UInt8(ascii: ",")): return .value
    case (.object?, UInt8(ascii: ",")): return .name
    case (.array?, UInt8(ascii: "]")), (.object?, UInt8(ascii: "}")):
      open.removeLast()
      return .separator
    default:
      throw JSONFault(
        reason: "Unexpected character (\(display(byte))): was expecting comma to separate "
          + (open.last == .array ? "Array" : "Object") + " entries", offset: offset)
    }
  }

  private static func scanName(_ bytes: Span<UInt8>, _ cursor: inout Int) throws(JSONFault) {
    guard bytes[cursor] == UInt8(ascii: "\"") else { throw unexpected(bytes, cursor, "double-quote to start field name") }
    try scanString(bytes, &cursor)
    skipSpace(bytes, &cursor)
    guard cursor < bytes.count, bytes[cursor] == UInt8(ascii: ":") else {
      throw unexpected(bytes, cursor, "a colon to separate field name and value")
    }
    cursor += 1
  }

  private static func scanScalar(_ bytes: Span<UInt8>, _ cursor: inout Int) throws(JSONFault) {
    switch bytes[cursor] {
    case UInt8(ascii: "\""): try scanString(bytes, &cursor)
    case UInt8(ascii: "-"), 48...57: try scanNumber(bytes, &cursor)
    case UInt8(ascii: "t"): try scanWord("true", bytes, &cursor)
    case UInt8(ascii: "f"): try scanWord("false", bytes, &cursor)
    case UInt8(ascii: "n"): try scanWord("null", bytes, &cursor)
    default:
      if isWordByte(bytes[cursor]) { throw unrecognizedToken(bytes, cursor) }
      throw unexpected(bytes, cursor, "a JSON value")
    }
  }

  private static func scanWord(_ word: StaticString, _ bytes: Span<UInt8>, _ cursor: inout Int) throws(JSONFault) {
    let start = cursor
    for byte in word.description.utf8 {
      guard cursor < bytes.count, bytes[cursor] == byte else { throw unrecognizedToken(bytes, start) }
      cursor += 1
    }
    if cursor < bytes.count, isWordByte(bytes[cursor]) { throw unrecognizedToken(bytes, start) }
  }

  private static func scanNumber(_ bytes: Span<UInt8>, _ cursor: inout Int) throws(JSONFault) {
    if bytes[cursor] == UInt8(ascii: "-") { cursor += 1 }
    let leadsWithZero = cursor < bytes.count && bytes[cursor] == UInt8(ascii: "0")
    let integerDigits = skipDigits(bytes, &cursor)
    guard integerDigits > 0 else { throw unexpected(bytes, cursor, "digit (0-9) in number") }
    guard !leadsWithZero || integerDigits == 1 else {
      throw JSONFault(reason: "Invalid numeric value: Leading zeroes not allowed", offset: cursor - integerDigits)
    }
    if cursor < bytes.count, bytes[cursor] == UInt8(ascii: ".") {
      cursor += 1
      guard skipDigits(bytes, &cursor) > 0 else { throw unexpected(bytes, cursor, "digit (0-9) after decimal point") }
    }
    if cursor < bytes.count, bytes[cursor] | 0x20 == UInt8(ascii: "e") {
      cursor += 1
      if cursor < bytes.count, bytes[cursor] == UInt8(ascii: "+") || bytes[cursor] == UInt8(ascii: "-") { cursor += 1 }
      guard skipDigits(bytes, &cursor) > 0 else { throw unexpected(bytes, cursor, "digit (0-9) in exponent") }
    }
    if cursor < bytes.count, isWordByte(bytes[cursor]) { throw unexpected(bytes, cursor, "end of number") }
  }

  private static func skipDigits(_ bytes: Span<UInt8>, _ cursor: inout Int) -> Int {
    let start = cursor
    while cursor < bytes.count, (48...57).contains(bytes[cursor]) { cursor += 1 }
    return cursor - start
  }

  private static func skipSpace(_ bytes: Span<UInt8>, _ cursor: inout Int) {
    while cursor < bytes.count {
      switch bytes[cursor] {
      case 0x20, 0x09, 0x0A, 0x0D: cursor += 1
      default: return
      }
    }
  }
}
