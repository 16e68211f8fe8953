// ArchiveStream: what is spoken between roost-supervisor and the program that unpacks archives in a sandbox of its own, and the rules for
// the names in an archive. The supervisor takes the other side for an enemy: whatever stands in an archive may have taken it over.
//
// One connection serves one archive. Integers are little-endian.
//
//   to the unpacker    order        u64 length of the archive, u64 limit of unzipped bytes, u32 limit of entries, u32 limit of depth,
//                                   then the archive
//   from the unpacker  records      u8 kind, u32 length of what follows:
//                      1 directory  path
//                      2 file       u8 executable (0 or 1), u64 size, path; then data records for exactly that size,
//                                   each as long as can be
//                      3 link       u16 length of the path, path, target
//                      4 data       1 to 131,072 bytes of the file before
//                      5 end        nothing; nothing follows
//                      6 refusal    u8 reason, u16 length of the name, name, words; nothing follows
//
// A path is relative, in components of 1 to 255 bytes with one slash between them; the archive's root itself is never named.

/// What an archive may hold.
package struct ArchiveLimits: Sendable, Hashable {
  /// Bytes of all files together.
  package var unzippedBytes: Int64
  /// Files, links and directories, those included that are only implied by a path.
  package var entries: Int
  /// Components of a path.
  package var depth: Int

  package init(unzippedBytes: Int64, entries: Int, depth: Int) {
    self.unzippedBytes = unzippedBytes
    self.entries = entries
    self.depth = depth
  }
}

/// One piece of an unpacked archive.
package enum ArchiveRecord: Sendable, Hashable {
  case directory(path: [UInt8])
  case file(path: [UInt8], size: Int64, isExecutable: Bool)
  case link(path: [UInt8], target: [UInt8])
  /// Of the file before.
  case data(ArraySlice<UInt8>)
  case end
  case refusal(ArchiveRefusal)
}

/// Why an archive is not unpacked.
package enum ArchiveRefusal: Error, Sendable, Hashable {
  /// Not a zip, or one that is damaged, truncated, encrypted or packed by a method other than store and deflate.
  case notAZip(reason: String)
  case empty
  case tooLargeUnzipped
  case tooManyEntries
  /// An entry that must not be unpacked: what it is called, and why.
  case unsafeEntry(name: String, reason: String)
}

extension String {
  /// Foreign bytes as they can stand in a message: printable, and not too long.
  package init(printing bytes: some Collection<UInt8>, limit: Int = 200) {
    let text = String(decoding: bytes.prefix(limit), as: UTF8.self)
    self = text.unicodeScalars.map { $0.properties.isPrintable ? String($0) : "\\u{\(String($0.value, radix: 16))}" }.joined()
  }
}

extension Unicode.Scalar.Properties {
  fileprivate var isPrintable: Bool {
    switch generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    default: true
    }
  }
}
