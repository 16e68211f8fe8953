/// Appends stored entries to a zip file in memory. Integers are little-endian; see DirectoryZip.swift for the format's source.
struct StoredZipWriter: Sendable {
  private var file: [UInt8] = []
  private var directory: [UInt8] = []
  /// Entries so far.
  private(set) var count = 0

  /// The end record counts entries in 16 bits and offsets in 32; Lambda's own limit, 250 MB unpacked, comes long before the latter.
  static let maximumCount = 65_535
  static let maximumBytes = 262_144_000

  init() {}

  /// `mode` is a `st_mode`; the name of a directory ends in `/`; the content of a symbolic link is its target.
  mutating func add(_ name: String, mode: UInt32, content: [UInt8]) throws(CommandFailure) {
    guard count < Self.maximumCount, file.count + content.count <= Self.maximumBytes, name.utf8.count <= 65_535 else {
      throw CommandFailure(.usage, "too much for one function: at most 250 MB in 65535 entries", hint: "put dependencies into layers")
    }
    let offset = UInt32(file.count)
    let common = Self.common(name: name, checksum: Checksum32.of(content), size: UInt32(content.count))
    file.append(littleEndian: 0x0403_4b50 as UInt32)
    file += common
    file += Array(name.utf8)
    file += content
    directory.append(littleEndian: 0x0201_4b50 as UInt32)
    // Made by UNIX (3), by version 2.0 of the specification: the upper half of the external attributes is then st_mode.
    directory.append(littleEndian: 0x0314 as UInt16)
    directory += common
    for field: UInt16 in [0, 0, 0] { directory.append(littleEndian: field) }  // comment length, disk, internal attributes
    directory.append(littleEndian: mode << 16)
    directory.append(littleEndian: offset)
    directory += Array(name.utf8)
    count += 1
  }

  /// The whole file: entries, central directory, end record.
  func finished() -> [UInt8] {
    var end = [UInt8]()
    end.append(littleEndian: 0x0605_4b50 as UInt32)
    for field in [0, 0, UInt16(count), UInt16(count)] { end.append(littleEndian: field) }
    end.append(littleEndian: UInt32(directory.count))
    end.append(littleEndian: UInt32(file.count))
    end.append(littleEndian: 0 as UInt16)
    return file + directory + end
  }

  /// The thirteen fields that local and central header share, "version needed" to "extra field length".
  private static func common(name: String, checksum: UInt32, size: UInt32) -> [UInt8] {
    var bytes = [UInt8]()
    bytes.append(littleEndian: 20 as UInt16)  // version needed: 2.0, for directories
    bytes.append(littleEndian: 0x0800 as UInt16)  // names are UTF-8
    bytes.append(littleEndian: 0 as UInt16)  // stored
    bytes.append(littleEndian: 0 as UInt16)  // 00:00:00
    bytes.append(littleEndian: 0x0021 as UInt16)  // 1980-01-01, the earliest date a zip can carry
    bytes.append(littleEndian: checksum)
    bytes.append(littleEndian: size)
    bytes.append(littleEndian: size)
    bytes.append(littleEndian: UInt16(name.utf8.count))
    bytes.append(littleEndian: 0 as UInt16)  // no extra field
    return bytes
  }
}

/// CRC-32 as zip has it: polynomial 0xEDB88320, reflected.
enum Checksum32 {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xedb8_8320 ^ (value >> 1) : value >> 1 }
  }

  static func of(_ bytes: [UInt8]) -> UInt32 {
    let table = table
    return ~bytes.reduce(~0) { table[Int(($0 ^ UInt32($1)) & 0xff)] ^ ($0 >> 8) }
  }
}

extension [UInt8] {
  fileprivate mutating func append(littleEndian value: some FixedWidthInteger) {
    for shift in stride(from: 0, to: value.bitWidth, by: 8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
  }
}
