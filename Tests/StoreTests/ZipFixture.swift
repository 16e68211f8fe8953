/// Builds zips byte by byte, so that every field can be a lie. Layout: APPNOTE.TXT 6.3.
struct ZipFixture {
  struct Entry {
    var name: [UInt8]
    /// As it stands in the file: packed, if `method` says so.
    var data: [UInt8]
    var size: UInt32
    var checksum: UInt32
    var method: UInt16 = 0
    var flags: UInt16 = 0x800
    /// `st_mode`.
    var mode: UInt32
    /// 3 is Unix, 0 MS-DOS.
    var system: UInt8 = 3
    /// What the local header says instead.
    var localName: [UInt8]?
    var localSize: UInt32?
    var localFlags: UInt16?
    /// Where the directory says the local header is, instead of where it is.
    var offset: UInt32?
    var extra: [UInt8] = []

    static func file(_ name: String, _ text: String = "", mode: UInt32 = 0o100644) -> Entry {
      let data = Array(text.utf8)
      return Entry(name: Array(name.utf8), data: data, size: UInt32(data.count), checksum: crc32(data), mode: mode)
    }

    static func directory(_ name: String) -> Entry { file(name, mode: 0o040755) }
    static func link(_ name: String, to target: String) -> Entry { file(name, target, mode: 0o120777) }

    /// `count` zero bytes, deflated about 150 times smaller.
    static func zeros(_ name: String, count: Int, declared: Int? = nil) -> Entry {
      let matches = (count - 1) / 258
      precondition(count == 1 + matches * 258, "one literal, then whole matches")
      return Entry(
        name: Array(name.utf8), data: deflatedZeros(matches: matches), size: UInt32(declared ?? count), checksum: crc32(zeros: count),
        method: 8, mode: 0o100644)
    }

    func with(_ change: (inout Entry) -> Void) -> Entry {
      var copy = self
      change(&copy)
      return copy
    }
  }

  var entries: [Entry]
  var comment: [UInt8] = []
  /// What stands before, with offsets that count it.
  var prefix: [UInt8] = []
  /// With the 64-bit end record before the other.
  var wideEnd = false
  /// What the 64-bit record says instead of how many entries there are.
  var wideCount: UInt64?

  init(_ entries: Entry...) { self.entries = entries }
  init(_ entries: [Entry]) { self.entries = entries }

  func with(_ change: (inout ZipFixture) -> Void) -> ZipFixture {
    var copy = self
    change(&copy)
    return copy
  }

  var bytes: [UInt8] {
    var zip = prefix
    var directory: [UInt8] = []
    for entry in entries {
      let offset = UInt32(zip.count)
      zip += entry.localHeader + entry.data
      directory += entry.directoryEntry(offset: entry.offset ?? offset)
    }
    let start = UInt32(zip.count)
    let count = UInt16(truncatingIfNeeded: entries.count)
    zip += directory
    if wideEnd { zip += wideEndRecord(start: UInt64(start), size: UInt64(directory.count), at: UInt64(zip.count)) }
    return zip + le(UInt32(0x0605_4B50)) + le(UInt32(0)) + le(count) + le(count) + le(UInt32(directory.count)) + le(start)
      + le(UInt16(comment.count)) + comment
  }

  private func wideEndRecord(start: UInt64, size: UInt64, at position: UInt64) -> [UInt8] {
    let count = wideCount ?? UInt64(entries.count)
    let record = le(UInt32(0x0606_4B50)) + le(UInt64(44)) + le(UInt16(45)) + le(UInt16(45)) + le(UInt64(0)) + le(count) + le(count)
    return record + le(size) + le(start) + le(UInt32(0x0706_4B50)) + le(UInt32(0)) + le(position) + le(UInt32(1))
  }
}

extension ZipFixture.Entry {
  fileprivate var localHeader: [UInt8] {
    let name = localName ?? name
    return le(UInt32(0x0403_4B50)) + le(UInt16(20)) + le(localFlags ?? flags) + le(method) + le(UInt32(0x21 << 16)) + le(checksum)
      + le(UInt32(data.count)) + le(localSize ?? size) + le(UInt16(name.count)) + le(UInt16(0)) + name
  }

  fileprivate func directoryEntry(offset: UInt32) -> [UInt8] {
    let attributes = system == 3 || system == 19 ? mode << 16 : 0
    return le(UInt32(0x0201_4B50)) + [20, system] + le(UInt16(20)) + le(flags) + le(method) + le(UInt32(0x21 << 16)) + le(checksum)
      + le(UInt32(data.count)) + le(size) + le(UInt16(name.count)) + le(UInt16(extra.count)) + le(UInt16(0)) + le(UInt32(0))
      + le(attributes) + le(offset) + name + extra
  }
}

func le(_ value: some FixedWidthInteger) -> [UInt8] {
  (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}

private let crcTable: [UInt32] = (0..<256).map { index in
  (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
}

func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
  ~bytes.reduce(0xFFFF_FFFF) { crcTable[Int(($0 ^ UInt32($1)) & 255)] ^ $0 >> 8 }
}

func crc32(zeros count: Int) -> UInt32 { crc32(repeatElement(UInt8(0), count: count)) }

/// One block of fixed Huffman codes (RFC 1951, §3.2.6): a literal zero, then matches of length 258 at distance 1.
private func deflatedZeros(matches: Int) -> [UInt8] {
  var bits = BitWriter()
  bits.append(0b1, count: 1)  // last block
  bits.append(0b01, count: 2)  // fixed codes
  bits.appendCode(0x30, count: 8)  // literal 0
  for _ in 0..<matches {
    bits.appendCode(0xC5, count: 8)  // length 258
    bits.appendCode(0, count: 5)  // distance 1
  }
  bits.appendCode(0, count: 7)  // end of block
  return bits.finished()
}

private struct BitWriter {
  private var bytes: [UInt8] = []
  private var pending: UInt32 = 0
  private var pendingCount = 0

  mutating func append(_ value: UInt32, count: Int) {
    pending |= value << pendingCount
    pendingCount += count
    while pendingCount >= 8 {
      bytes.append(UInt8(truncatingIfNeeded: pending))
      pending >>= 8
      pendingCount -= 8
    }
  }

  /// Codes go in from their highest bit.
  mutating func appendCode(_ code: UInt32, count: Int) {
    for shift in (0..<count).reversed() { append(code >> shift & 1, count: 1) }
  }

  consuming func finished() -> [UInt8] {
    pendingCount > 0 ? bytes + [UInt8(truncatingIfNeeded: pending)] : bytes
  }
}
