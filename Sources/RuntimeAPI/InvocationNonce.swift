import NIOCore

/// The value of `Lambda-Runtime-Invocation-Id`: a random (version 4) UUID that the runtime echoes with its answer.
struct InvocationNonce: Equatable {
  private var high: UInt64
  private var low: UInt64

  init(high: UInt64, low: UInt64) {
    self.high = high & ~0xF000 | 0x4000
    self.low = low & ~(0b11 << 62) | 0b10 << 62
  }

  /// Reads 8-4-4-4-12 hexadecimal digits of either case; `nil` for anything else.
  init?(parsing text: String) {
    let digits = text.utf8
    guard digits.count == 36 else { return nil }
    var words: [UInt64] = [0, 0]
    var nibbles = 0
    for (position, digit) in digits.enumerated() {
      if Self.dashes.contains(position) {
        guard digit == UInt8(ascii: "-") else { return nil }
        continue
      }
      guard let value = Character(Unicode.Scalar(digit)).hexDigitValue else { return nil }
      words[nibbles / 16] = words[nibbles / 16] << 4 | UInt64(value)
      nibbles += 1
    }
    (high, low) = (words[0], words[1])
  }

  private static let dashes: Set<Int> = [8, 13, 18, 23]

  func write(into buffer: inout ByteBuffer) {
    Self.write(high >> 32, digits: 8, into: &buffer)
    buffer.writeInteger(UInt8(ascii: "-"))
    Self.write(high >> 16 & 0xFFFF, digits: 4, into: &buffer)
    buffer.writeInteger(UInt8(ascii: "-"))
    Self.write(high & 0xFFFF, digits: 4, into: &buffer)
    buffer.writeInteger(UInt8(ascii: "-"))
    Self.write(low >> 48, digits: 4, into: &buffer)
    buffer.writeInteger(UInt8(ascii: "-"))
    Self.write(low & 0xFFFF_FFFF_FFFF, digits: 12, into: &buffer)
  }

  private static func write(_ value: UInt64, digits: Int, into buffer: inout ByteBuffer) {
    for position in (0..<digits).reversed() {
      let nibble = UInt8(truncatingIfNeeded: value >> (4 * UInt64(position)) & 0xF)
      buffer.writeInteger(nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") - 10 + nibble)
    }
  }
}

/// Makes nonces without a system call each.
///
/// A nonce tells one invocation of a sandbox from another and is a secret from nobody, so a SplitMix64 sequence (Steele, Lea and Flood, 2014) seeded
/// once from the kernel is good enough; asking the kernel every time would be two getrandom(2) calls per invocation.
struct InvocationNonceGenerator: RandomNumberGenerator {
  private var seed: UInt64

  init() {
    var system = SystemRandomNumberGenerator()
    seed = system.next()
  }

  mutating func next() -> UInt64 {
    seed &+= 0x9E37_79B9_7F4A_7C15
    var mixed = seed
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  mutating func nonce() -> InvocationNonce {
    InvocationNonce(high: next(), low: next())
  }
}
