import CArchive
import Glibc

/// Unpacks a zip below a directory: a function of the bytes, the directory and the limits, which holds no state and knows no paths.
///
/// - Directories and executable files get mode 0755, other files 0644; set-id and all other bits are dropped. Every file's time becomes
///   1980-01-01 00:00 UTC, so that equal zips make equal trees; the caller does the same for directories (``Folder/seal(seconds:by:)``).
/// - Of several entries of one name the last in the file wins, as with `unzip -o`.
/// - Links are made and never followed: an entry whose path leads through one is refused.
/// - While it is written, no file grows beyond the size it declared, and the declared sizes together are within the limit
///   (``ZipDirectory``): a bomb that lies is stopped where its lie begins.
struct Unpacker: ~Copyable {
  /// 1980-01-01T00:00:00Z, the first instant a zip can state.
  static let time = 315_532_800

  private let limits: ArchiveLimits
  private let root: Folder
  /// The folder of the last entry: entries of one folder mostly stand together.
  private var parent: Folder
  private var parentPath: ArraySlice<FileName> = []
  private var entriesLeft: Int

  /// Fills `folder`, which should be empty. After an error it holds a part, which is the caller's to remove.
  static func unpack(_ zip: [UInt8], into folder: borrowing Folder, limits: ArchiveLimits) throws(ArtifactError) {
    let directory = try ZipDirectory(of: zip, limits: limits)
    try ArchiveReader.read(zip) { (reader) throws(ArtifactError) in
      var unpacker = Unpacker(
        root: try io { () throws(CallError) in try folder.duplicate() },
        parent: try io { () throws(CallError) in try folder.duplicate() },
        limits: limits)
      for entry in directory.entries {
        guard let header = try reader.next(), header.describes(entry) else {
          throw .notAZip(reason: "entry \(entry.shownName) is not where the directory says")
        }
        try unpacker.unpack(entry, header, from: reader)
      }
      guard try reader.next() == nil else { throw .notAZip(reason: "entries and directory disagree") }
    }
  }

  private init(root: consuming Folder, parent: consuming Folder, limits: ArchiveLimits) {
    self.limits = limits
    self.root = root
    self.parent = parent
    entriesLeft = limits.entries
  }

  private mutating func unpack(
    _ entry: ZipEntry, _ header: ArchiveReader.Header, from reader: borrowing ArchiveReader
  ) throws(ArtifactError) {
    guard let name = entry.path.components.last else { return }  // the root itself
    switch entry.kind {
    case .directory: try enter(entry.path.components[...], for: entry)
    case .file(let executable):
      try enter(entry.path.components.dropLast(), for: entry)
      try write(name, of: entry, executable: executable, from: reader)
    case .link:
      try enter(entry.path.components.dropLast(), for: entry)
      try link(name, of: entry, to: header.linkTarget ?? [])
    }
  }

  /// Makes `parent` the folder at `path`, making folders as needed.
  private mutating func enter(_ path: ArraySlice<FileName>, for entry: ZipEntry) throws(ArtifactError) {
    guard path != parentPath else { return }
    parentPath = [FileName.current]  // while half-way: no entry's path
    parent = try Unpacker.io { () throws(CallError) in try root.duplicate() }
    for component in path {
      if try Unpacker.io({ () throws(CallError) in try parent.makeFolder(component) }) { try countEntry() }
      do throws(CallError) { parent = try parent.folder(component) } catch {
        guard error.code == ELOOP || error.code == ENOTDIR else { throw Unpacker.wording(error) }
        throw .unsafeEntry(name: entry.shownName, reason: "leads through something that is not a directory")
      }
    }
    parentPath = path
  }

  private mutating func write(
    _ name: FileName, of entry: ZipEntry, executable: Bool, from reader: borrowing ArchiveReader
  ) throws(ArtifactError) {
    try makeRoom(for: name, of: entry)
    let file = try Unpacker.io { () throws(CallError) in try parent.makeFile(name) }
    var left = entry.size
    try reader.data { (chunk) throws(ArtifactError) in
      guard chunk.count <= left else { throw .notAZip(reason: "\(entry.shownName) is larger than declared") }
      left -= Int64(chunk.count)
      try Unpacker.io { () throws(CallError) in try file.write(chunk) }
    }
    guard left == 0 else { throw .notAZip(reason: "\(entry.shownName) is smaller than declared") }
    try Unpacker.io { () throws(CallError) in try file.finish(mode: executable ? 0o755 : 0o644, seconds: Unpacker.time) }
  }

  private mutating func link(_ name: FileName, of entry: ZipEntry, to target: [UInt8]) throws(ArtifactError) {
    do throws(PathFault) { try entry.path.checkLinkTarget(target) } catch {
      throw .unsafeEntry(name: entry.shownName, reason: error.reason)
    }
    try makeRoom(for: name, of: entry)
    try Unpacker.io { () throws(CallError) in
      try parent.makeLink(name, to: target)
      try parent.setTimes(name, to: Unpacker.time)
    }
  }

  /// Removes what an earlier entry of the same name has made; a directory does not give way.
  private mutating func makeRoom(for name: FileName, of entry: ZipEntry) throws(ArtifactError) {
    guard let old = try Unpacker.io({ () throws(CallError) in try parent.status(name) }) else { return try countEntry() }
    guard old.st_mode & S_IFMT != S_IFDIR else {
      throw .unsafeEntry(name: entry.shownName, reason: "is a directory and something else")
    }
    try Unpacker.io { () throws(CallError) in try parent.removeFile(name) }
  }

  private mutating func countEntry() throws(ArtifactError) {
    guard entriesLeft > 0 else { throw .tooManyEntries(limit: limits.entries) }
    entriesLeft -= 1
  }

  private static func io<Value: ~Copyable>(_ body: () throws(CallError) -> Value) throws(ArtifactError) -> Value {
    do { return try body() } catch { throw wording(error) }
  }

  private static func wording(_ error: CallError) -> ArtifactError { .io(error.worded(in: "<artefact>")) }
}

extension ArchiveReader.Header {
  /// Whether libarchive and the directory mean the same entry.
  fileprivate func describes(_ entry: ZipEntry) -> Bool {
    let expected =
      switch entry.kind {
      case .directory: carchive_type_directory
      case .file: carchive_type_regular
      case .link: carchive_type_link
      }
    guard type == expected, entry.kind == .link || size == entry.size else { return false }
    guard let plainName, entry.name.allSatisfy({ $0 < 128 }) else { return true }
    return ArchiveReader.Header.comparable(plainName) == ArchiveReader.Header.comparable(entry.name)
  }

  /// libarchive ends directories with a slash and may turn backslashes round.
  private static func comparable(_ name: [UInt8]) -> [UInt8] {
    let slashes = name.map { $0 == UInt8(ascii: "\\") ? UInt8(ascii: "/") : $0 }
    return slashes.last == UInt8(ascii: "/") ? slashes.dropLast() : slashes
  }
}
