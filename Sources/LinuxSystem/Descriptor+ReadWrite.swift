import CLinux
import Glibc

/// What one read of a descriptor brought.
package enum ReadOutcome: Sendable, Hashable {
  /// So many bytes, at least one.
  case bytes(Int)
  /// Nothing yet; only from a non-blocking descriptor.
  case wouldBlock
  case endOfFile
}

extension Descriptor {
  /// One read(2) of at most `limit` bytes, which are appended to `buffer`.
  package borrowing func read(into buffer: inout [UInt8], upTo limit: Int) throws(SystemError) -> ReadOutcome {
    var answer = 0
    // Not zeros first: a debug build would append them one by one.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { memory, count in
      answer = unsafe clinux_read(rawValue, memory.baseAddress, limit)
      count = max(0, answer)
    }
    if buffer.isEmpty { buffer = bytes } else { buffer += bytes }
    guard let count = try checkedUnlessBlocked(answer, "read", "descriptor \(rawValue)") else { return .wouldBlock }
    return count == 0 && limit > 0 ? .endOfFile : .bytes(count)
  }

  /// The text from the file's start, at most `limit` bytes: for cgroup and proc files, which answer anew to each pread(2) at 0.
  package borrowing func readText(limit: Int = 4096) throws(SystemError) -> String {
    var answer = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      answer = unsafe clinux_pread(rawValue, buffer.baseAddress, limit, 0)
      count = max(0, answer)
    }
    try checked(answer, "pread", "descriptor \(rawValue)")
    return String(decoding: bytes, as: UTF8.self)
  }

  /// pwrite(2) of the whole text at 0: for cgroup files, where one write is one command.
  package borrowing func write(_ text: String) throws(SystemError) {
    var text = text
    let (answer, length) = text.withUTF8 { bytes in
      (unsafe clinux_pwrite(rawValue, bytes.baseAddress, bytes.count, 0), bytes.count)
    }
    let count = try checked(answer, "pwrite", "descriptor \(rawValue)")
    guard count == length else { throw SystemError(call: "pwrite", object: "descriptor \(rawValue)", errno: EIO) }
  }

  /// write(2) at the file's position: how many of `bytes` went in, or `nil` when a non-blocking descriptor takes none now.
  package borrowing func write(_ bytes: ArraySlice<UInt8>) throws(SystemError) -> Int? {
    let answer = unsafe bytes.withUnsafeBytes { unsafe clinux_write(rawValue, $0.baseAddress, $0.count) }
    return try checkedUnlessBlocked(answer, "write", "descriptor \(rawValue)")
  }

  /// The whole file from its position on; fails with EFBIG when it is longer than `limit` bytes.
  package borrowing func readAll(limit: Int) throws(SystemError) -> [UInt8] {
    var bytes: [UInt8] = []
    while try read(into: &bytes, upTo: 16_384) != .endOfFile {
      guard bytes.count <= limit else { throw SystemError(call: "read", object: "descriptor \(rawValue)", errno: EFBIG) }
    }
    return bytes
  }

  /// Takes the count of an ``eventCounter()`` and sets it to 0; 0 when nothing happened.
  package borrowing func takeEventCount() throws(SystemError) -> UInt64 {
    var count: UInt64 = 0
    let answer = unsafe clinux_read(rawValue, &count, MemoryLayout<UInt64>.size)
    return try checkedUnlessBlocked(answer, "read", "eventfd \(rawValue)") == nil ? 0 : count
  }

  /// Adds one to an ``eventCounter()``.
  package borrowing func raiseEvent() throws(SystemError) {
    var one: UInt64 = 1
    let answer = unsafe clinux_write(rawValue, &one, MemoryLayout<UInt64>.size)
    // EAGAIN: the counter is at its end, so the event is raised already.
    _ = try checkedUnlessBlocked(answer, "write", "eventfd \(rawValue)")
  }

  /// Writes all that the file `other` has from its position on, within the kernel. sendfile(2).
  package borrowing func append(contentsOf other: borrowing Descriptor) throws(SystemError) {
    while try checked(clinux_send_file(rawValue, other.rawValue, 1 << 24), "sendfile", "descriptor \(rawValue)") > 0 {}
  }
}
