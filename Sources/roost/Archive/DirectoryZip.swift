// A zip of a directory: stored entries only (method 0) with CRC-32, UNIX modes and symbolic links; no zip64.
//
// Why our own: the command line would otherwise link libarchive for this alone, and a stored zip is three small records
// (local header, central header, end record; PKWARE APPNOTE 4.3.7, 4.3.12, 4.3.16). The daemon unpacks it at once, so compressing
// would win nothing but the 50 MB limit of a direct upload; who meets that limit can bring a compressed zip by --zip.
// Entries are sorted and carry one fixed date: the same tree gives the same bytes, hence the same SHA-256 and the same artefact.

import FoundationEssentials

/// Makes the bytes of a zip file from a directory's content.
enum DirectoryZip {
  /// The zip of what is in the directory at `path` (the directory itself is no entry). Other things than files, directories and
  /// symbolic links are refused.
  static func bytes(of path: String) throws(CommandFailure) -> [UInt8] {
    var writer = StoredZipWriter()
    try add(contentsOf: path, under: "", to: &writer)
    guard writer.count > 0 else { throw CommandFailure(.usage, "\(path) is empty: there is no code to deploy") }
    return writer.finished()
  }

  private static func add(contentsOf path: String, under prefix: String, to writer: inout StoredZipWriter) throws(CommandFailure) {
    do {
      for name in try FileManager.default.contentsOfDirectory(atPath: path).sorted() {
        try add("\(path)/\(name)", as: prefix + name, to: &writer)
      }
    } catch let failure as CommandFailure {
      throw failure
    } catch {
      throw LocalFile.failure(reading: path, error)
    }
  }

  private static func add(_ path: String, as name: String, to writer: inout StoredZipWriter) throws {
    // lstat(2): a link is looked at, not followed.
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    let mode = UInt32(attributes[.posixPermissions] as? Int ?? 0o644)
    switch attributes[.type] as? FileAttributeType {
    case .typeDirectory?:
      try writer.add(name + "/", mode: 0o040_000 | mode, content: [])
      try add(contentsOf: path, under: name + "/", to: &writer)
    case .typeSymbolicLink?:
      try writer.add(name, mode: 0o120_777, content: Array(try FileManager.default.destinationOfSymbolicLink(atPath: path).utf8))
    case .typeRegular?:
      try writer.add(name, mode: 0o100_000 | mode, content: try LocalFile.bytes(at: path))
    default:
      throw CommandFailure(.usage, "\(path) is neither a file nor a directory nor a symbolic link", hint: "take it out of the directory")
    }
  }
}
