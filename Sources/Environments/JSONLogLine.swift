import FunctionModel

/// A line of a function's output that is one JSON object (RFC 8259), and what filtering wants to know of it.
///
/// It is looked through once and not taken apart: it goes into records as it is, so that it has to be valid.
struct JSONLogLine {
  /// The member `level`, if it is one and the object has a valid time too: so Lambda has it.
  private(set) var level: LogLevel?

  /// `nil` for a line that is anything else.
  init?(_ line: String) {
    var scanner = JSONScanner(line.utf8)
    var given: String?
    var hasTime = false
    let isObject = scanner.object { name, value in
      switch name {
      case "level": given = value
      case "timestamp", "Timestamp", "@timestamp", "time": hasTime = hasTime || value.map(Self.isTime) ?? false
      default: break
      }
    }
    guard isObject, scanner.isAtEnd else { return nil }
    level = hasTime ? given.flatMap(LogLevel.init(named:)) : nil
  }

  /// RFC 3339: `2026-01-31T23:59:59`, a fraction or none, `Z` or an offset.
  private static func isTime(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: "t") || bytes[10] == UInt8(ascii: " ") else {
      return false
    }
    let separators: [Int: UInt8] = [4: UInt8(ascii: "-"), 7: UInt8(ascii: "-"), 13: UInt8(ascii: ":"), 16: UInt8(ascii: ":")]
    for index in (0..<19) where index != 10 {
      guard separators[index].map({ bytes[index] == $0 }) ?? JSONScanner.digits.contains(bytes[index]) else { return false }
    }
    var rest = bytes[19...]
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      let fraction = rest.prefix(while: JSONScanner.digits.contains)
      guard !fraction.isEmpty else { return false }
      rest = rest.dropFirst(fraction.count)
    }
    if rest.count == 1 { return rest.first == UInt8(ascii: "Z") || rest.first == UInt8(ascii: "z") }
    let offset = Array(rest)
    return offset.count == 6 && (offset[0] == UInt8(ascii: "+") || offset[0] == UInt8(ascii: "-")) && offset[3] == UInt8(ascii: ":")
      && [1, 2, 4, 5].allSatisfy { JSONScanner.digits.contains(offset[$0]) }
  }
}

/// Walks over JSON without keeping any of it.
private struct JSONScanner {
  static let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
  /// Objects and arrays in one another. What is deeper is taken for text.
  private static let greatestDepth = 64

  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0

  init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || (0x09...0x0A).contains(byte) || byte == 0x0D { position += 1 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    position += 1
    return true
  }

  /// Nothing but space is left.
  var isAtEnd: Bool {
    var copy = self
    copy.skipSpace()
    return copy.next == nil
  }

  /// - Parameter member: is given each name, with the value if that is a string.
  /// - Returns: whether there is a valid object here.
  mutating func object(_ member: (_ name: String, _ value: String?) -> Void = { _, _ in }) -> Bool {
    skipSpace()
    guard take(UInt8(ascii: "{")), enter() else { return false }
    defer { depth -= 1 }
    skipSpace()
    if take(UInt8(ascii: "}")) { return true }
    repeat {
      skipSpace()
      guard let name = string() else { return false }
      skipSpace()
      guard take(UInt8(ascii: ":")) else { return false }
      skipSpace()
      if next == UInt8(ascii: "\"") {
        guard let value = string() else { return false }
        member(name, value)
      } else {
        guard value() else { return false }
        member(name, nil)
      }
      skipSpace()
    } while take(UInt8(ascii: ","))
    return take(UInt8(ascii: "}"))
  }

  private mutating func enter() -> Bool {
    depth += 1
    return depth <= Self.greatestDepth
  }

  private mutating func value() -> Bool {
    skipSpace()
    switch next {
    case UInt8(ascii: "{")?: return object()
    case UInt8(ascii: "[")?: return array()
    case UInt8(ascii: "\"")?: return string() != nil
    case UInt8(ascii: "t")?: return word("true")
    case UInt8(ascii: "f")?: return word("false")
    case UInt8(ascii: "n")?: return word("null")
    case _?: return number()
    case nil: return false
    }
  }

  private mutating func array() -> Bool {
    guard take(UInt8(ascii: "[")), enter() else { return false }
    defer { depth -= 1 }
    skipSpace()
    if take(UInt8(ascii: "]")) { return true }
    repeat {
      guard value() else { return false }
      skipSpace()
    } while take(UInt8(ascii: ","))
    return take(UInt8(ascii: "]"))
  }

  private mutating func word(_ word: StaticString) -> Bool {
    let text = Array("\(word)".utf8)
    guard bytes[position...].starts(with: text) else { return false }
    position += text.count
    return true
  }

  private mutating func number() -> Bool {
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")), !skipDigits() { return false }
    if take(UInt8(ascii: ".")), !skipDigits() { return false }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      return skipDigits()
    }
    return true
  }

  private mutating func skipDigits() -> Bool {
    let start = position
    while let byte = next, Self.digits.contains(byte) { position += 1 }
    return position > start
  }

  /// A string, its escapes left as they are: no name or level that is looked for needs any.
  private mutating func string() -> String? {
    guard take(UInt8(ascii: "\"")) else { return nil }
    let start = position
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return position - start > 64 ? "" : String(decoding: bytes[start..<(position - 1)], as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard skipEscape() else { return nil }
      case 0..<0x20: return nil
      default: position += 1
      }
    }
    return nil
  }

  private mutating func skipEscape() -> Bool {
    position += 1
    guard let byte = next else { return false }
    position += 1
    guard byte == UInt8(ascii: "u") else { return "\"\\/bfnrt".utf8.contains(byte) }
    guard bytes.count - position >= 4 else { return false }
    defer { position += 4 }
    return bytes[position..<(position + 4)].allSatisfy {
      Self.digits.contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0 | 0x20)
    }
  }
}
