import ArchiveStream
import Glibc

/// Makes a tree of files from the records of an unpacker, who is not trusted: it is in a sandbox because an archive may have taken it over.
/// So every path, link, count and size is checked here, whatever has been checked there.
///
/// - Directories and executable files get mode 0755, other files 0644. Every file's time becomes 1980-01-01 00:00 UTC, so that equal zips
///   make equal trees; the caller does the same for directories (``Folder/seal(seconds:by:)``).
/// - Of several entries of one name the last wins, as with `unzip -o`.
/// - Links are made and never followed: an entry whose path leads through one is refused.
struct TreeWriter: ~Copyable {
  /// 1980-01-01T00:00:00Z, the first instant a zip can state.
  static let time = 315_532_800

  private let limits: ArchiveLimits
  private let root: Folder
  /// The folder of the last entry: entries of one folder mostly stand together.
  private var parent: Folder
  private var parentPath: ArraySlice<FileName> = []
  /// What may still be in the tree, what may still be told (of one name again and again), and how long it may be.
  private var entriesLeft: Int
  private var recordsLeft: Int
  private var bytesLeft: Int64
  private var file: GrowingFile?
  /// Whether the end has been told.
  private(set) var isComplete = false

  /// What is being written: closed when all of it has come.
  private struct GrowingFile: ~Copyable {
    let file: OpenFile
    let isExecutable: Bool
    var bytesLeft: Int64
  }

  /// Fills `folder`, which should be empty. After an error it holds a part, which is the caller's to remove.
  static func filling(_ folder: borrowing Folder, limits: ArchiveLimits) throws(ArtifactError) -> TreeWriter {
    TreeWriter(
      root: try io { () throws(CallError) in try folder.duplicate() },
      parent: try io { () throws(CallError) in try folder.duplicate() }, limits: limits)
  }

  private init(root: consuming Folder, parent: consuming Folder, limits: ArchiveLimits) {
    self.limits = limits
    self.root = root
    self.parent = parent
    entriesLeft = limits.entries
    recordsLeft = limits.entries
    bytesLeft = limits.unzippedBytes
  }

  /// Does what a record says.
  mutating func take(_ record: ArchiveRecord) throws(ArtifactError) {
    guard !isComplete else { throw .unpacker(saying: "something after the end") }
    if case .data(let data) = record { return try append(data) }
    if case .refusal(let refusal) = record { throw ArtifactError(refusal, limits) }
    guard file == nil else { throw .unpacker(saying: "less of a file than it promised") }
    switch record {
    case .directory(let path): try enter(try entry(path).components[...], for: path)
    case .file(let path, let size, let isExecutable): try begin(try entry(path), size: size, isExecutable: isExecutable)
    case .link(let path, let target): try link(try entry(path), to: target)
    case .end: isComplete = true
    case .data, .refusal: break  // above
    }
  }

  /// Counts and checks an entry.
  private mutating func entry(_ path: [UInt8]) throws(ArtifactError) -> EntryPath {
    guard recordsLeft > 0 else { throw .tooManyEntries(limit: limits.entries) }
    recordsLeft -= 1
    do throws(PathFault) {
      let checked = try EntryPath(checking: path, depth: limits.depth)
      guard !checked.components.isEmpty else { throw PathFault("has no name") }
      return checked
    } catch { throw .unsafeEntry(path, error.reason) }
  }

  /// Makes `parent` the folder at `path`, making folders as needed.
  private mutating func enter(_ path: ArraySlice<FileName>, for entry: [UInt8]) throws(ArtifactError) {
    guard path != parentPath else { return }
    parentPath = [FileName.current]  // while half-way: no entry's path
    parent = try Self.io { () throws(CallError) in try root.duplicate() }
    for component in path {
      if try Self.io({ () throws(CallError) in try parent.makeFolder(component) }) { try countEntry() }
      do throws(CallError) { parent = try parent.folder(component) } catch {
        guard error.code == ELOOP || error.code == ENOTDIR else { throw Self.wording(error) }
        throw .unsafeEntry(entry, "leads through something that is not a directory")
      }
    }
    parentPath = path
  }

  private mutating func begin(_ path: EntryPath, size: Int64, isExecutable: Bool) throws(ArtifactError) {
    guard (0...bytesLeft).contains(size) else { throw .tooLargeUnzipped(limit: limits.unzippedBytes) }
    bytesLeft -= size
    try enter(path.components.dropLast(), for: path.bytes)
    let name = try makeRoom(for: path)
    let made = try Self.io { () throws(CallError) in try parent.makeFile(name) }
    file = GrowingFile(file: made, isExecutable: isExecutable, bytesLeft: size)
    if size == 0 { try finish() }
  }

  private mutating func append(_ data: ArraySlice<UInt8>) throws(ArtifactError) {
    guard var growing = file.take() else { throw .unpacker(saying: "data of no file") }
    guard data.count <= growing.bytesLeft else { throw .unpacker(saying: "more of a file than it promised") }
    // Byte by byte, 262 MB would keep this thread for many minutes, and nobody's patience would run out.
    guard data.count == ArchiveRecord.maximumData || data.count == growing.bytesLeft else {
      throw .unpacker(saying: "a file in small pieces")
    }
    do throws(CallError) { try growing.file.write(data.span) } catch { throw Self.wording(error) }
    growing.bytesLeft -= Int64(data.count)
    let isWhole = growing.bytesLeft == 0
    file = consume growing
    if isWhole { try finish() }
  }

  private mutating func finish() throws(ArtifactError) {
    guard let whole = file.take() else { return }
    do throws(CallError) { try whole.file.finish(mode: whole.isExecutable ? 0o755 : 0o644, seconds: Self.time) } catch {
      throw Self.wording(error)
    }
  }

  private mutating func link(_ path: EntryPath, to target: [UInt8]) throws(ArtifactError) {
    do throws(PathFault) { try path.checkLinkTarget(target) } catch { throw .unsafeEntry(path.bytes, error.reason) }
    try enter(path.components.dropLast(), for: path.bytes)
    let name = try makeRoom(for: path)
    try Self.io { () throws(CallError) in
      try parent.makeLink(name, to: target)
      try parent.setTimes(name, to: Self.time)
    }
  }

  /// Removes what an earlier entry of the same name has made; a directory does not give way.
  private mutating func makeRoom(for path: EntryPath) throws(ArtifactError) -> FileName {
    guard let name = path.components.last else { preconditionFailure("checked in entry(_:)") }
    guard let old = try Self.io({ () throws(CallError) in try parent.status(name) }) else {
      try countEntry()
      return name
    }
    guard old.st_mode & S_IFMT != S_IFDIR else { throw .unsafeEntry(path.bytes, "is a directory and something else") }
    try Self.io { () throws(CallError) in try parent.removeFile(name) }
    return name
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

extension ArtifactError {
  fileprivate init(_ refusal: ArchiveRefusal, _ limits: ArchiveLimits) {
    self =
      switch refusal {
      case .notAZip(let reason): .notAZip(reason: reason)
      case .empty: .empty
      case .tooLargeUnzipped: .tooLargeUnzipped(limit: limits.unzippedBytes)
      case .tooManyEntries: .tooManyEntries(limit: limits.entries)
      case .unsafeEntry(let name, let reason): .unsafeEntry(name: name, reason: reason)
      }
  }

  fileprivate static func unsafeEntry(_ path: [UInt8], _ reason: String) -> ArtifactError {
    .unsafeEntry(name: "\"\(String(printing: path))\"", reason: reason)
  }

  /// An unpacker that does not keep to the protocol has been taken over, or is broken.
  static func unpacker(saying what: String) -> ArtifactError { .notAZip(reason: "its unpacker told \(what)") }
}
