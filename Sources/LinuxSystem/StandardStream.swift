import CLinux

/// The three descriptors a program is born with, for programs that talk to people.
package enum StandardStream: CInt, Sendable {
  case input = 0
  case output = 1
  case error = 2

  /// write(2) until all of `bytes` is out. EPIPE says that the reader is gone, where SIGPIPE is ignored.
  package func write(_ bytes: [UInt8]) throws(SystemError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe clinux_write(rawValue, $0.baseAddress, $0.count) }
      rest = rest.dropFirst(try checked(count, "write", "standard \(self)"))
    }
  }

  /// read(2) until the end of the stream, or until more than `limit` bytes came.
  package func read(limit: Int) throws(SystemError) -> [UInt8] {
    var bytes = [UInt8]()
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= limit {
      let count = try checked(unsafe clinux_read(rawValue, &chunk, chunk.count), "read", "standard \(self)")
      if count == 0 { break }
      bytes.append(contentsOf: chunk[..<count])
    }
    return bytes
  }
}
