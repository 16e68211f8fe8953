import ArchiveStream
import Glibc

/// An open regular file of the artefact store.
struct OpenFile: ~Copyable {
  private let descriptor: CInt
  private let name: FileName

  init(owning descriptor: CInt, name: FileName) {
    self.descriptor = descriptor
    self.name = name
  }

  deinit {
    _ = close(descriptor)
  }

  /// Writes all of `bytes`, however many calls it takes.
  borrowing func write(_ bytes: Span<UInt8>) throws(CallError) {
    var written = 0
    while written < bytes.count {
      let rest = bytes.extracting(droppingFirst: written)
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard count >= 0 else {
        if errno == EINTR { continue }
        throw error("write")
      }
      written += count
    }
  }

  /// Gives the file its final mode and time.
  borrowing func finish(mode: mode_t, seconds: Int) throws(CallError) {
    guard fchmod(descriptor, mode) == 0 else { throw error("fchmod") }
    let times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
    guard unsafe futimens(descriptor, times) == 0 else { throw error("futimens") }
  }

  borrowing func synchronize() throws(CallError) {
    guard fsync(descriptor) == 0 else { throw error("fsync") }
  }

  /// All bytes from the beginning.
  borrowing func readAll() throws(CallError) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = unsafe pread(descriptor, &chunk, chunk.count, off_t(bytes.count))
      if count > 0 { bytes.append(contentsOf: chunk[..<count]) }
      if count == 0 { return bytes }
      if count < 0 && errno != EINTR { throw error("pread") }
    }
  }

  private borrowing func error(_ call: String) -> CallError {
    CallError(call: call, name: name.description, code: errno)
  }
}
