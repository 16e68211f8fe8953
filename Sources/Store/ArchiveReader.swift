import CArchive
import Glibc

/// libarchive's seekable zip reader over bytes in memory; the only caller of libarchive.
///
/// `@safe`: the archive is private, freed by the one owner, and the bytes it reads outlive it (``read(_:_:)``).
///
/// It inflates and verifies checksums. What the entries are called, and in which order they come, the caller knows from ``ZipDirectory``.
@safe struct ArchiveReader: ~Copyable {
  /// What libarchive says of an entry.
  struct Header {
    /// `S_IFMT` bits.
    var type: UInt32
    var size: Int64
    /// `nil` unless all of it is ASCII: other names may have been converted on the way.
    var plainName: [UInt8]?
    var linkTarget: [UInt8]?
  }

  private let archive: OpaquePointer

  /// Calls `body` with a reader of `zip`, whose bytes it reads in place.
  static func read<Value>(
    _ zip: [UInt8], _ body: (borrowing ArchiveReader) throws(ArtifactError) -> Value
  ) throws(ArtifactError) -> Value {
    let result: Result<Value, ArtifactError> = unsafe zip.withUnsafeBytes { bytes in
      do throws(ArtifactError) {
        return .success(try body(try unsafe ArchiveReader(bytes)))
      } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// `bytes` must stay where they are for the life of the reader: ``read(_:_:)`` sees to it.
  private init(_ bytes: UnsafeRawBufferPointer) throws(ArtifactError) {
    guard let archive = unsafe archive_read_new() else { fatalError("archive_read_new: out of memory") }
    unsafe self.archive = archive
    guard unsafe archive_read_support_format_zip_seekable(archive) == carchive_ok,
      unsafe archive_read_open_memory(archive, bytes.baseAddress, bytes.count) == carchive_ok
    else { throw fault() }
  }

  deinit {
    _ = unsafe archive_read_free(archive)
  }

  /// Goes to the next entry; `nil` at the end.
  borrowing func next() throws(ArtifactError) -> Header? {
    var entry: OpaquePointer?
    let answer = unsafe archive_read_next_header(archive, &entry)
    if answer == carchive_eof { return nil }
    // A warning is about a conversion of characters, or a disagreement of headers that ZipDirectory has ruled out.
    guard answer == carchive_ok || answer == carchive_warn, let entry = unsafe entry else { throw fault() }
    return unsafe Header(
      type: UInt32(archive_entry_filetype(entry)), size: archive_entry_size(entry),
      plainName: bytes(archive_entry_pathname(entry)).flatMap { $0.allSatisfy { $0 < 128 } ? $0 : nil },
      linkTarget: bytes(archive_entry_symlink(entry)))
  }

  private borrowing func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8]? {
    guard let text = unsafe text else { return nil }
    return unsafe Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
  }

  /// Calls `body` with the data of the current entry, piece by piece.
  borrowing func data(_ body: (Span<UInt8>) throws(ArtifactError) -> Void) throws(ArtifactError) {
    var chunk = [UInt8](repeating: 0, count: 1 << 17)
    while true {
      let count = unsafe archive_read_data(archive, &chunk, chunk.count)
      guard count >= 0 else { throw fault() }
      guard count > 0 else { return }
      try body(chunk.span.extracting(first: count))
    }
  }

  private borrowing func fault() -> ArtifactError {
    guard let text = unsafe archive_error_string(archive) else { return .notAZip(reason: "libarchive gives no reason") }
    return .notAZip(reason: unsafe String(cString: text))
  }
}
