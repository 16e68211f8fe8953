package import ArchiveStream

/// The central directory of a zip, read and checked before anything is unpacked.
///
/// There are zips that no two programs read alike. So one is refused unless it is of the plain kind: one disk, directory and entries laid
/// out one after the other without overlap, local headers that agree with the directory, nothing encrypted, stored or deflated data only.
/// What is then unpacked is what the directory says. Layout: APPNOTE.TXT 6.3, §4.3.7, §4.3.12, §4.3.14–16, §4.5.3.
package struct ZipDirectory {
  /// In the order of the data in the file.
  private(set) var entries: [ZipEntry]

  package init(of zip: [UInt8], limits: ArchiveLimits) throws(ArchiveRefusal) {
    let bytes = ZipBytes(bytes: zip)
    let end = try EndOfDirectory(finding: bytes)
    guard end.entries > 0 else { throw .empty }
    guard end.entries <= limits.entries else { throw .tooManyEntries }
    var found: [ZipEntry] = []
    var position = end.start
    for _ in 0..<end.entries {
      found.append(try ZipEntry(at: &position, before: end.start + end.size, in: bytes, prefix: end.prefix, depth: limits.depth))
    }
    guard position == end.start + end.size else { throw .notAZip(reason: "the directory's size is wrong") }
    found.sort { $0.headerOffset < $1.headerOffset }
    entries = found
    try checkLayout(before: end.start, in: bytes)
    try checkDeclaredSize(limits)
  }

  /// Entries must not share bytes: a kilobyte of deflated data that a thousand entries point at is a bomb.
  private mutating func checkLayout(before directory: Int, in bytes: ZipBytes) throws(ArchiveRefusal) {
    for index in entries.indices {
      let limit = index + 1 < entries.count ? entries[index + 1].headerOffset : directory
      try entries[index].checkLocalHeader(before: limit, in: bytes)
    }
  }

  private func checkDeclaredSize(_ limits: ArchiveLimits) throws(ArchiveRefusal) {
    var total: Int64 = 0
    for entry in entries {
      guard entry.size <= limits.unzippedBytes - total else { throw .tooLargeUnzipped }
      total += entry.size
    }
  }
}

/// Little-endian numbers out of a file that may end anywhere.
struct ZipBytes {
  let bytes: [UInt8]

  var count: Int { bytes.count }

  /// `width` bytes at `position`, which is not negative.
  func number(_ width: Int, at position: Int) throws(ArchiveRefusal) -> UInt64 {
    guard position >= 0, position <= bytes.count - width else { throw .notAZip(reason: "truncated") }
    var value: UInt64 = 0
    for byte in bytes[position..<position + width].reversed() { value = value << 8 | UInt64(byte) }
    return value
  }

  func small(_ width: Int, at position: Int) throws(ArchiveRefusal) -> Int {
    Int(try number(width, at: position))
  }

  /// A size or an offset: it must be one that a file of this length can have.
  func offset(_ value: UInt64) throws(ArchiveRefusal) -> Int {
    guard value <= UInt64(bytes.count) else { throw .notAZip(reason: "an offset points behind the end") }
    return Int(value)
  }

  /// The contents of the first field of that kind, if these bytes are an entry's extra fields.
  func extraField(_ kind: UInt64) throws(ArchiveRefusal) -> ZipBytes? {
    var position = 0
    while position + 4 <= count {
      let end = position + 4 + (try small(2, at: position + 2))
      if try number(2, at: position) == kind { return ZipBytes(bytes: try slice(position + 4..<end)) }
      position = end
    }
    return nil
  }

  func slice(_ range: Range<Int>) throws(ArchiveRefusal) -> [UInt8] {
    guard range.lowerBound >= 0, range.upperBound <= bytes.count else { throw .notAZip(reason: "truncated") }
    return Array(bytes[range])
  }
}

/// Where the central directory is: the record at the end of the file, and its 64-bit form before it if there is one.
struct EndOfDirectory {
  private(set) var entries: Int
  private(set) var start: Int
  private(set) var size: Int
  /// Bytes before the zip that its offsets do not count, as when it is appended to a program that unpacks it.
  private(set) var prefix = 0

  init(finding bytes: ZipBytes) throws(ArchiveRefusal) {
    let position = try EndOfDirectory.position(in: bytes)
    let disks = try bytes.number(4, at: position + 4)
    let onThisDisk = try bytes.small(2, at: position + 8)
    entries = try bytes.small(2, at: position + 10)
    size = try bytes.small(4, at: position + 12)
    start = try bytes.small(4, at: position + 16)
    var end = position
    if position >= 20, try bytes.number(4, at: position - 20) == 0x0706_4B50 {
      end = try readWide(locator: position - 20, in: bytes)  // also where the narrow record would do: Info-ZIP writes both
    } else {
      guard disks == 0, onThisDisk == entries else { throw .notAZip(reason: "spans several disks") }
    }
    // The directory ends where its end record begins.
    guard start <= end, size <= end - start else { throw .notAZip(reason: "the directory is not where its end record says") }
    prefix = end - size - start
    start += prefix
  }

  /// The last occurrence of the signature whose comment ends with the file.
  private static func position(in bytes: ZipBytes) throws(ArchiveRefusal) -> Int {
    guard bytes.count >= 22 else { throw .notAZip(reason: "too short") }
    for position in stride(from: bytes.count - 22, through: max(0, bytes.count - 22 - 0xFFFF), by: -1) {
      guard try bytes.number(4, at: position) == 0x0605_4B50 else { continue }
      if try bytes.small(2, at: position + 20) == bytes.count - position - 22 { return position }
    }
    throw .notAZip(reason: "no end-of-directory record")
  }

  /// Reads the 64-bit record that the locator points at and answers where it begins.
  private mutating func readWide(locator: Int, in bytes: ZipBytes) throws(ArchiveRefusal) -> Int {
    let record = try bytes.offset(try bytes.number(8, at: locator + 8))
    guard record + 56 <= locator, try bytes.number(4, at: record) == 0x0606_4B50, try bytes.number(8, at: record + 16) == 0 else {
      throw .notAZip(reason: "no 64-bit end-of-directory record")
    }
    let promised = try bytes.number(8, at: record + 32)
    guard promised <= bytes.count else { throw .notAZip(reason: "promises \(promised) entries") }
    let wide = (
      entries: Int(promised), size: try bytes.offset(bytes.number(8, at: record + 40)),
      start: try bytes.offset(bytes.number(8, at: record + 48))
    )
    // A narrow number that says something else would be believed by another program.
    guard entries == 0xFFFF || entries == wide.entries, size == 0xFFFF_FFFF || size == wide.size,
      start == 0xFFFF_FFFF || start == wide.start
    else { throw .notAZip(reason: "its two end-of-directory records disagree") }
    (entries, size, start) = wide
    return record
  }
}
