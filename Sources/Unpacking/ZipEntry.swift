import ArchiveStream
import Glibc

/// One entry of a zip's central directory, checked against its local header.
struct ZipEntry {
  enum Kind: Hashable {
    case directory
    case file(executable: Bool)
    case link
  }

  /// As it stands in the directory, before it is taken apart.
  let name: [UInt8]
  /// The same, checked and put in order; empty for the root. Not taken apart: 65,535 entries of 64 levels each would fill the memory.
  let path: [UInt8]
  let kind: Kind
  /// Declared bytes after unpacking.
  let size: Int64
  let headerOffset: Int
  let isDeflated: Bool
  let checksum: UInt64
  /// Where its data is, once the local header has been read.
  private(set) var data = 0..<0
  private let compressedSize: Int
  private let flags: UInt64

  /// The name as it can stand in a message.
  var shownName: String { ZipEntry.shown(name) }

  /// Reads the entry at `position` and moves `position` behind it.
  init(at position: inout Int, before end: Int, in bytes: ZipBytes, prefix: Int, depth: Int) throws(ArchiveRefusal) {
    let start = position
    guard try bytes.number(4, at: start) == 0x0201_4B50 else { throw .notAZip(reason: "the directory is damaged") }
    let nameLength = try bytes.small(2, at: start + 28)
    let extraLength = try bytes.small(2, at: start + 30)
    position = start + 46 + nameLength + extraLength + (try bytes.small(2, at: start + 32))
    guard position <= end else { throw .notAZip(reason: "the directory is damaged") }

    name = try bytes.slice(start + 46..<start + 46 + nameLength)
    flags = try bytes.number(2, at: start + 8)
    let method = try bytes.number(2, at: start + 10)
    isDeflated = method == 8
    checksum = try bytes.number(4, at: start + 16)
    let extra = ZipBytes(bytes: try bytes.slice(start + 46 + nameLength..<start + 46 + nameLength + extraLength))
    let wide = try WideFields(
      extra: extra,
      size: try bytes.number(4, at: start + 24), compressedSize: try bytes.number(4, at: start + 20),
      offset: try bytes.number(4, at: start + 42))
    size = Int64(clamping: wide.size)
    compressedSize = try bytes.offset(wide.compressedSize)
    headerOffset = prefix + (try bytes.offset(wide.offset))

    let system = try bytes.number(1, at: start + 5)
    let attributes = try bytes.number(4, at: start + 38)
    let shown = ZipEntry.shown(name)
    let named = ZipEntry.withSlashes(try EntryName.utf8(name, flags: flags, system: system, extra: extra), system: system)
    do {
      path = try EntryPath(checking: named, depth: depth).bytes
      kind = try ZipEntry.kind(system: system, attributes: attributes, path: named)
    } catch { throw .unsafeEntry(name: shown, reason: error.reason) }
    guard flags & 0x2041 == 0 else { throw .notAZip(reason: "entry \(shown) is encrypted") }
    guard method == 0 || method == 8 else { throw .notAZip(reason: "entry \(shown) is packed by method \(method)") }
    guard !path.isEmpty || kind == .directory else { throw .unsafeEntry(name: shown, reason: "has no name") }
  }

  /// Checks that the local header says the same, and that header and data end before `limit`.
  mutating func checkLocalHeader(before limit: Int, in bytes: ZipBytes) throws(ArchiveRefusal) {
    let nameLength = try bytes.small(2, at: headerOffset + 26)
    let data = headerOffset + 30 + nameLength + (try bytes.small(2, at: headerOffset + 28))
    guard try bytes.number(4, at: headerOffset) == 0x0403_4B50,
      try bytes.number(2, at: headerOffset + 6) & 0x2041 == 0,
      try bytes.number(2, at: headerOffset + 8) == (isDeflated ? 8 : 0),
      try bytes.slice(headerOffset + 30..<headerOffset + 30 + nameLength) == name,
      try localSizesAgree(bytes)
    else { throw .notAZip(reason: "the header of \(shownName) disagrees with the directory") }
    guard data <= limit, compressedSize <= limit - data else {
      throw .notAZip(reason: "the data of \(shownName) overlaps what follows")
    }
    self.data = data..<data + compressedSize
  }

  /// A header written before the data (bit 3 of it) has zeros, a 64-bit one all ones; else the numbers must be the directory's.
  private func localSizesAgree(_ bytes: ZipBytes) throws(ArchiveRefusal) -> Bool {
    guard try bytes.number(2, at: headerOffset + 6) & 8 == 0 else { return true }
    let size = try bytes.number(4, at: headerOffset + 22)
    let compressedSize = try bytes.number(4, at: headerOffset + 18)
    return try bytes.number(4, at: headerOffset + 14) == checksum
      && (size == 0xFFFF_FFFF || size == UInt64(self.size))
      && (compressedSize == 0xFFFF_FFFF || compressedSize == UInt64(self.compressedSize))
  }

  /// Zips made on Windows sometimes separate directories by backslashes.
  private static func withSlashes(_ name: [UInt8], system: UInt64) -> [UInt8] {
    guard DOSFamily.contains(system), !name.contains(UInt8(ascii: "/")) else { return name }
    return name.map { $0 == UInt8(ascii: "\\") ? UInt8(ascii: "/") : $0 }
  }

  /// A trailing slash makes a directory; else the mode decides, where the system that made the zip has modes.
  private static func kind(system: UInt64, attributes: UInt64, path: [UInt8]) throws(PathFault) -> Kind {
    let mode = system == 3 || system == 19 ? mode_t(attributes >> 16) : 0  // Unix, and macOS by its own number
    let isDirectory = path.last == UInt8(ascii: "/") || (DOSFamily.contains(system) && attributes & 0x10 != 0)
    switch mode & S_IFMT {
    case 0, S_IFREG, S_IFDIR:
      if isDirectory || mode & S_IFMT == S_IFDIR { return .directory }
      return .file(executable: mode & 0o111 != 0)
    case S_IFLNK where !isDirectory: return .link
    case S_IFIFO: throw PathFault("is a FIFO")
    case S_IFCHR, S_IFBLK: throw PathFault("is a device")
    case S_IFSOCK: throw PathFault("is a socket")
    default: throw PathFault("is neither a file, nor a directory, nor a link")
    }
  }

  private static func shown(_ name: [UInt8]) -> String { "\"" + String(printing: name) + "\"" }
}

/// Sizes and offset of an entry, from the 64-bit extra field (0x0001) where the 32-bit fields say so.
private struct WideFields {
  var size: UInt64
  var compressedSize: UInt64
  var offset: UInt64

  init(extra: ZipBytes, size: UInt64, compressedSize: UInt64, offset: UInt64) throws(ArchiveRefusal) {
    (self.size, self.compressedSize, self.offset) = (size, compressedSize, offset)
    if let field = try extra.extraField(1) { try read(field) }
  }

  /// The field holds, in this order, only those numbers whose 32-bit field is all ones.
  private mutating func read(_ field: ZipBytes) throws(ArchiveRefusal) {
    var position = 0
    func next(_ narrow: UInt64) throws(ArchiveRefusal) -> UInt64 {
      guard narrow == 0xFFFF_FFFF else { return narrow }
      defer { position += 8 }
      return try field.number(8, at: position)
    }
    size = try next(size)
    compressedSize = try next(compressedSize)
    offset = try next(offset)
  }
}
