/// What the unpacker is told before the archive itself.
package struct ArchiveOrder: Sendable, Hashable {
  package static let length = 24

  package var archiveBytes: Int
  package var limits: ArchiveLimits

  package init(archiveBytes: Int, limits: ArchiveLimits) {
    self.archiveBytes = archiveBytes
    self.limits = limits
  }

  package var encoded: [UInt8] {
    littleEndian(UInt64(archiveBytes)) + littleEndian(UInt64(limits.unzippedBytes)) + littleEndian(UInt32(clamping: limits.entries))
      + littleEndian(UInt32(clamping: limits.depth))
  }

  /// `nil` unless these are the bytes of an order.
  package init?(decoding bytes: [UInt8]) {
    guard bytes.count == Self.length, let archiveBytes = Int(exactly: number(bytes[0..<8])),
      let unzippedBytes = Int64(exactly: number(bytes[8..<16]))
    else { return nil }
    self.archiveBytes = archiveBytes
    limits = ArchiveLimits(unzippedBytes: unzippedBytes, entries: Int(number(bytes[16..<20])), depth: Int(number(bytes[20..<24])))
  }
}

func littleEndian<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
  (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}

/// Of at most eight bytes.
func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
  bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
}
