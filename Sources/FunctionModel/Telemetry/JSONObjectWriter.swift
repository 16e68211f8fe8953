/// Writes one JSON object, compact, its members in the order in which they come.
///
/// Written out here for records of the log, of which there are many, and whose member order and numbers are fixed.
struct JSONObjectWriter {
  private(set) var bytes: [UInt8]
  private var isEmpty = true

  /// Begins an object after `bytes`.
  init(after bytes: [UInt8] = []) {
    self.bytes = bytes
    self.bytes.append(UInt8(ascii: "{"))
  }

  /// Ends the object.
  consuming func finished() -> [UInt8] {
    bytes.append(UInt8(ascii: "}"))
    return bytes
  }

  private mutating func begin(_ name: StaticString) {
    if !isEmpty { bytes.append(UInt8(ascii: ",")) }
    isEmpty = false
    bytes += "\"\(name)\":".utf8
  }

  /// A string; `nil` leaves the member out.
  mutating func add(_ name: StaticString, _ value: String?) {
    guard let value else { return }
    begin(name)
    Self.append(value, to: &bytes)
  }

  /// An integer; `nil` leaves the member out.
  mutating func add(_ name: StaticString, _ value: (some BinaryInteger)?) {
    guard let value else { return }
    begin(name)
    bytes += String(value).utf8
  }

  /// A duration, as milliseconds; `nil` leaves the member out.
  mutating func add(_ name: StaticString, milliseconds duration: Duration?) {
    guard let duration else { return }
    begin(name)
    bytes += duration.millisecondsText.utf8
  }

  mutating func add(_ name: StaticString, _ values: [String]) {
    begin(name)
    bytes.append(UInt8(ascii: "["))
    for (index, value) in values.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      Self.append(value, to: &bytes)
    }
    bytes.append(UInt8(ascii: "]"))
  }

  /// Text that is JSON already.
  mutating func add(_ name: StaticString, json: String) {
    begin(name)
    bytes += json.utf8
  }

  mutating func add(_ name: StaticString, _ object: (inout JSONObjectWriter) -> Void) {
    begin(name)
    addObject(object)
  }

  mutating func add<Element>(_ name: StaticString, each elements: [Element], _ object: (inout JSONObjectWriter, Element) -> Void) {
    begin(name)
    bytes.append(UInt8(ascii: "["))
    for (index, element) in elements.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      addObject { object(&$0, element) }
    }
    bytes.append(UInt8(ascii: "]"))
  }

  private mutating func addObject(_ object: (inout JSONObjectWriter) -> Void) {
    var inner = JSONObjectWriter(after: bytes)
    bytes = []
    object(&inner)
    bytes = inner.finished()
  }

  /// A string in its quotes (RFC 8259 §7).
  private static func append(_ text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case UInt8(ascii: "\n"): bytes += "\\n".utf8
      case UInt8(ascii: "\r"): bytes += "\\r".utf8
      case UInt8(ascii: "\t"): bytes += "\\t".utf8
      case 0..<0x20:
        let digits = Array("0123456789abcdef".utf8)
        bytes += "\\u00".utf8
        bytes += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

extension Duration {
  /// Whole microseconds, rounded down.
  package var microseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }

  /// Milliseconds with three decimals at most, as platform records have them: `12`, `12.5`, `0.001`.
  package var millisecondsText: String {
    let microseconds = max(0, microseconds)
    var text = String(microseconds / 1_000)
    let fraction = microseconds % 1_000
    guard fraction > 0 else { return text }
    let digits = String(fraction)
    text += "." + String(repeating: "0", count: 3 - digits.utf8.count) + digits
    while text.hasSuffix("0") { text.removeLast() }
    return text
  }
}
