/// An IPv4 address, in host byte order.
package struct IPv4Address: Sendable, Hashable, Comparable, CustomStringConvertible {
  package var number: UInt32

  package init(_ number: UInt32) { self.number = number }

  /// Four decimal numbers and three dots, without leading zeros; nothing else.
  package init?(_ text: some StringProtocol) {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    number = 0
    for part in parts {
      guard let byte = UInt8(decimal: part) else { return nil }
      number = number << 8 | UInt32(byte)
    }
  }

  package static func < (left: Self, right: Self) -> Bool { left.number < right.number }

  /// Four bytes, as the network carries it.
  init?(bytes: ArraySlice<UInt8>) {
    guard bytes.count == 4 else { return nil }
    number = bytes.reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// As the network carries it.
  package var bytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) } }

  package var description: String { bytes.map { "\($0)" }.joined(separator: ".") }
}

/// A range of IPv4 addresses with a common prefix, as in `10.1.0.0/16`.
package struct IPv4Network: Sendable, Hashable, CustomStringConvertible {
  package let first: IPv4Address
  package let prefixLength: UInt8

  /// An address (of any host in it) and a prefix length.
  package init(_ address: IPv4Address, prefixLength: UInt8) {
    precondition(prefixLength <= 32, "prefix length \(prefixLength)")
    self.prefixLength = prefixLength
    first = IPv4Address(address.number & Self.mask(prefixLength))
  }

  /// `ADDRESS/LENGTH`, or an address alone, which is a network of one. Bits beyond the prefix must be zero: whoever wrote them meant another network.
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let address = IPv4Address(parts[0]) else { return nil }
    var length: UInt8 = 32
    if parts.count == 2 {
      guard let given = UInt8(decimal: parts[1].utf8), given <= 32 else { return nil }
      length = given
    }
    self.init(address, prefixLength: length)
    guard first == address else { return nil }
  }

  private static func mask(_ prefixLength: UInt8) -> UInt32 { prefixLength == 0 ? 0 : .max << (32 - UInt32(prefixLength)) }

  /// How many addresses it has, 2³² at most.
  package var count: UInt64 { 1 << (32 - UInt64(prefixLength)) }

  package func contains(_ address: IPv4Address) -> Bool { address.number & Self.mask(prefixLength) == first.number }

  package func overlaps(_ other: IPv4Network) -> Bool { contains(other.first) || other.contains(first) }

  package var description: String { "\(first)/\(prefixLength)" }
}

extension UInt8 {
  /// One to three digits, without a leading zero.
  fileprivate init?(decimal digits: some Collection<UInt8>) {
    guard (1...3).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }), digits.count == 1 || digits.first != 48 else {
      return nil
    }
    let value = digits.reduce(0) { $0 * 10 + Int($1 - 48) }
    guard value <= 255 else { return nil }
    self = UInt8(value)
  }
}
