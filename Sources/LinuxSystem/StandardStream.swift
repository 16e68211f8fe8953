import Glibc

/// The three descriptors a program is born with, for programs that talk to people.
package enum StandardStream: CInt, Sendable {
  case input = 0
  case output = 1
  case error = 2

  /// isatty(3): whether a person looks at it.
  package var isTerminal: Bool { isatty(rawValue) == 1 }

  /// write(2) until all of `bytes` is out. `false` when the reader is gone or the disk is full: then there is nobody left to tell.
  package func write(_ bytes: [UInt8]) -> Bool {
    unsafe bytes.withUnsafeBytes { buffer in
      var written = 0
      while written < bytes.count {
        // `written` is below the count, so that what is left of `bytes`' own storage is what write(2) is told to read.
        let count = unsafe Glibc.write(rawValue, buffer.baseAddress?.advanced(by: written), bytes.count - written)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        written += count
      }
      return true
    }
  }

  /// read(2) until the end of the stream or until more than `limit` bytes came; `nil` when reading fails.
  package func read(limit: Int) -> [UInt8]? {
    var bytes = [UInt8]()
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= limit {
      // The buffer is `chunk`'s own storage and `read` gets its true size.
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(rawValue, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { return nil }
      if count == 0 { break }
      bytes.append(contentsOf: chunk[..<count])
    }
    return bytes
  }
}
