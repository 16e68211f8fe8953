/// Makes request ids and trace ids.
///
/// `SystemRandomNumberGenerator` asks the kernel at every call, twice for one id; ids must be unique, not secret, so a generator seeded by
/// the kernel once (xoshiro256**) serves them. Not shared between threads: each connection has its own.
package struct IdentifierSource: RandomNumberGenerator {
  private var state: (UInt64, UInt64, UInt64, UInt64)

  package init() {
    var seed = SystemRandomNumberGenerator()
    state = (seed.next() | 1, seed.next(), seed.next(), seed.next())
  }

  package mutating func next() -> UInt64 {
    let result = Self.rotate(state.1 &* 5, 7) &* 9
    let shifted = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = Self.rotate(state.3, 45)
    return result
  }

  private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 { value << count | value >> (64 - count) }

  /// A random UUID (version 4) in lower case.
  package mutating func uuid() -> String {
    let high = next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
    let low = next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    var text: [UInt8] = []
    text.reserveCapacity(36)
    Self.append(high >> 32, digits: 8, to: &text)
    for group in [high >> 16 & 0xFFFF, high & 0xFFFF, low >> 48] {
      text.append(UInt8(ascii: "-"))
      Self.append(group, digits: 4, to: &text)
    }
    text.append(UInt8(ascii: "-"))
    Self.append(low & 0xFFFF_FFFF_FFFF, digits: 12, to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// An X-Ray header value for a request that came without one: not sampled.
  ///
  /// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>
  package mutating func trace(milliseconds: Int64) -> String {
    var text = Array("Root=1-".utf8)
    Self.append(UInt64(bitPattern: milliseconds / 1_000), digits: 8, to: &text)
    text.append(UInt8(ascii: "-"))
    Self.append(next(), digits: 16, to: &text)
    Self.append(next(), digits: 8, to: &text)
    text.append(contentsOf: ";Parent=".utf8)
    Self.append(next(), digits: 16, to: &text)
    text.append(contentsOf: ";Sampled=0".utf8)
    return String(decoding: text, as: UTF8.self)
  }

  private static func append(_ value: UInt64, digits: Int, to text: inout [UInt8]) {
    for position in (0..<digits).reversed() {
      let digit = UInt8(truncatingIfNeeded: value >> (UInt64(position) * 4) & 15)
      text.append(digit < 10 ? digit + 48 : digit + 87)
    }
  }
}
