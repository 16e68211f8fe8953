/// An amount of memory or disk, kept in bytes.
package struct MemorySize: Sendable, Hashable, Comparable, Codable {
  package var bytes: Int64

  package init(bytes: Int64) { self.bytes = bytes }

  /// `count` mebibytes: what AWS Lambda writes as "MB" in `MemorySize` and `EphemeralStorage`.
  package static func megabytes(_ count: Int) -> MemorySize { MemorySize(bytes: Int64(count) << 20) }

  /// Whole mebibytes, rounded down.
  package var megabytes: Int { Int(bytes >> 20) }

  /// Whole mebibytes, rounded up: how `Max Memory Used` is printed.
  package var megabytesRoundedUp: Int { Int((bytes + (1 << 20) - 1) >> 20) }

  package static func < (left: MemorySize, right: MemorySize) -> Bool { left.bytes < right.bytes }
  package static func + (left: MemorySize, right: MemorySize) -> MemorySize { MemorySize(bytes: left.bytes + right.bytes) }
  package static func - (left: MemorySize, right: MemorySize) -> MemorySize { MemorySize(bytes: left.bytes - right.bytes) }
}
