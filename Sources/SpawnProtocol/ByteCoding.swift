/// Why bytes are not a message. The sender is broken or hostile; the packet is worth nothing.
package enum SpawnProtocolError: Error, Sendable, Hashable, CustomStringConvertible {
  /// More than the packet limit, in bytes.
  case tooLong(Int)
  /// The packet ends inside a field.
  case truncated
  /// So many bytes follow the last field.
  case trailingBytes(Int)
  /// No message has this first byte.
  case unknownKind(UInt8)
  /// A field, named here, has a value that nobody may send.
  case refused(field: String)

  package var description: String {
    switch self {
    case .tooLong(let count): "packet of \(count) bytes: too long"
    case .truncated: "packet ends inside a field"
    case .trailingBytes(let count): "\(count) bytes after the last field"
    case .unknownKind(let kind): "unknown message kind \(kind)"
    case .refused(let field): "refused value: \(field)"
    }
  }
}

/// Writes a packet: integers little-endian, nothing aligned, nothing padded.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  mutating func write(_ value: some FixedWidthInteger) {
    var rest = value
    for _ in 0..<(value.bitWidth / 8) {
      bytes.append(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    }
  }

  mutating func write(contentsOf more: some Sequence<UInt8>) {
    bytes.append(contentsOf: more)
  }
}

/// Reads a packet and never past its end.
struct ByteReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8], limit: Int) throws(SpawnProtocolError) {
    guard bytes.count <= limit else { throw .tooLong(bytes.count) }
    rest = bytes[...]
  }

  mutating func read<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) throws(SpawnProtocolError) -> Value {
    try read(count: Value.bitWidth / 8).reversed().reduce(into: 0) { $0 = $0 << 8 | Value(truncatingIfNeeded: $1) }
  }

  mutating func read(count: Int) throws(SpawnProtocolError) -> ArraySlice<UInt8> {
    guard count <= rest.count else { throw .truncated }
    defer { rest.removeFirst(count) }
    return rest.prefix(count)
  }

  /// An integer that must lie in `range`.
  mutating func read<Value: FixedWidthInteger>(
    in range: ClosedRange<Value>, _ field: String
  ) throws(SpawnProtocolError) -> Value {
    let value = try read(Value.self)
    guard range.contains(value) else { throw .refused(field: field) }
    return value
  }

  /// A one-byte enumeration.
  mutating func read<Value: RawRepresentable<UInt8>>(
    _ type: Value.Type, _ field: String
  ) throws(SpawnProtocolError) -> Value {
    guard let value = Value(rawValue: try read()) else { throw .refused(field: field) }
    return value
  }

  /// UTF-8 up to a NUL, which is skipped.
  mutating func readString(_ field: String) throws(SpawnProtocolError) -> String {
    guard let end = rest.firstIndex(of: 0) else { throw .truncated }
    guard let text = String(validating: rest[..<end], as: UTF8.self) else { throw .refused(field: field) }
    rest = rest[(end + 1)...]
    return text
  }

  /// To be called after the last field.
  consuming func finish() throws(SpawnProtocolError) {
    guard rest.isEmpty else { throw .trailingBytes(rest.count) }
  }
}
