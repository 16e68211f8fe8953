// Netlink messages: a header of 16 bytes, a fixed part by type, and attributes, each with length, type and a value padded to four bytes.
// Integers are in the machine's own byte order, but for those of netfilter, which are big-endian.

/// A request to the kernel, or several that travel as one packet.
struct NetlinkRequest {
  enum Flag {
    static let request: UInt16 = 0x1
    static let acknowledge: UInt16 = 0x4
    static let exclusive: UInt16 = 0x200
    static let dump: UInt16 = 0x300
    static let create: UInt16 = 0x400
  }

  private(set) var bytes: [UInt8] = []
  private(set) var count: UInt32 = 0
  /// How many messages end with a word of success: an acknowledgement that was asked for, or the end of a list.
  private(set) var acknowledgements = 0
  /// Where each message's number stands.
  private var numberOffsets: [Int] = []

  /// Adds a message; `attributes` appends what follows its fixed part.
  mutating func append(
    type: UInt16, flags: UInt16, fixed: [UInt8] = [], attributes: (inout NetlinkAttributes) -> Void = { _ in }
  ) {
    var list = NetlinkAttributes()
    attributes(&list)
    let length = UInt32(16 + padded(fixed.count) + list.bytes.count)
    numberOffsets.append(bytes.count + 8)
    if flags & Flag.acknowledge != 0 || flags & Flag.dump == Flag.dump { acknowledgements += 1 }
    bytes += native(length) + native(type) + native(flags | Flag.request) + native(count) + native(0 as UInt32)
    bytes += fixed + [UInt8](repeating: 0, count: padded(fixed.count) - fixed.count) + list.bytes
    count += 1
  }

  /// The packet, its messages numbered from `first` on: their answers bear the same numbers.
  func numbered(from first: UInt32) -> [UInt8] {
    var packet = bytes
    for (index, offset) in numberOffsets.enumerated() { packet.replaceSubrange(offset..<(offset + 4), with: native(first + UInt32(index))) }
    return packet
  }
}

/// Attributes as they are written.
struct NetlinkAttributes {
  /// The bit that says of an attribute that it holds others.
  static let nested: UInt16 = 0x8000
  private(set) var bytes: [UInt8] = []

  mutating func add(_ type: UInt16, _ value: [UInt8]) {
    bytes += native(UInt16(4 + value.count)) + native(type) + value
    bytes += [UInt8](repeating: 0, count: padded(value.count) - value.count)
  }

  mutating func add(_ type: UInt16, text: String) { add(type, Array(text.utf8) + [0]) }

  mutating func add(_ type: UInt16, nest: (inout NetlinkAttributes) -> Void) {
    var inner = NetlinkAttributes()
    nest(&inner)
    add(type | Self.nested, inner.bytes)
  }
}

/// One message of an answer.
struct NetlinkReply {
  let type: UInt16
  var flags: UInt16 = 0
  /// Of the message that it answers.
  var number: UInt32 = 0
  /// What follows the header.
  let body: ArraySlice<UInt8>

  /// The messages of a packet, as far as it is whole.
  static func messages(in packet: [UInt8]) -> [NetlinkReply] {
    var found: [NetlinkReply] = []
    var rest = packet[...]
    while let length = rest.number(at: 0, UInt32.self).map(Int.init), length >= 16, length <= rest.count,
      let type = rest.number(at: 4, UInt16.self), let flags = rest.number(at: 6, UInt16.self),
      let number = rest.number(at: 8, UInt32.self)
    {
      found.append(NetlinkReply(type: type, flags: flags, number: number, body: rest.dropFirst(16).prefix(length - 16)))
      rest = rest.dropFirst(padded(length))
    }
    return found
  }

  /// The attributes after a fixed part of `count` bytes, by type.
  func attributes(after count: Int) -> [UInt16: ArraySlice<UInt8>] {
    var found: [UInt16: ArraySlice<UInt8>] = [:]
    var rest = body.dropFirst(count)
    while let length = rest.number(at: 0, UInt16.self).map(Int.init), length >= 4, length <= rest.count,
      let type = rest.number(at: 2, UInt16.self)
    {
      found[type & 0x3FFF] = rest.dropFirst(4).prefix(length - 4)
      rest = rest.dropFirst(padded(length))
    }
    return found
  }
}

extension ArraySlice<UInt8> {
  /// The number in machine byte order that begins `offset` bytes from the start; `nil` where there are too few.
  func number<Number: FixedWidthInteger>(at offset: Int, _: Number.Type) -> Number? {
    let size = Number.bitWidth / 8
    guard count >= offset + size else { return nil }
    return dropFirst(offset).prefix(size).enumerated().reduce(0 as Number) {
      $0 | Number(truncatingIfNeeded: $1.element) << (8 * $1.offset)
    }
  }
}

/// Little-endian: Roost has no other machines, see `csandbox_call.h`.
func native(_ value: some FixedWidthInteger) -> [UInt8] {
  (0..<(value.bitWidth / 8)).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] { native(value).reversed() }

private func padded(_ count: Int) -> Int { (count + 3) & ~3 }
