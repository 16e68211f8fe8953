import CLinux
import Glibc

extension Descriptor {
  /// A file on the directory's file system that has no name, and so goes with its last descriptor. open(2) with `O_TMPFILE`, or where
  /// the file system lacks it a file that loses its name at once.
  package static func namelessFile(in directory: borrowing Descriptor) throws(SystemError) -> Descriptor {
    do {
      return try openBeneath(directory: directory, path: ".", flags: Int32(CLINUX_O_TMPFILE) | O_RDWR, mode: 0o600)
    } catch let error where error.errno == EOPNOTSUPP || error.errno == EISDIR {
      var random: UInt64 = 0
      try checked(unsafe clinux_getrandom(&random, MemoryLayout<UInt64>.size), "getrandom", "")
      let name = ".nameless-\(String(random, radix: 16))"
      let file = try openBeneath(directory: directory, path: name, flags: O_CREAT | O_EXCL | O_RDWR, mode: 0o600)
      try directory.remove(name)
      return file
    }
  }

  /// A file in memory with this content, to be read from its beginning. memfd_create(2).
  package static func memoryFile(_ content: String) throws(SystemError) -> Descriptor {
    let file = Descriptor(owning: try checked(unsafe clinux_memory_file("roost"), "memfd_create", ""))
    try file.write(Array(content.utf8), at: 0)
    return file
  }

  /// Sets the file's length; what is added is a hole. ftruncate(2).
  package borrowing func setLength(_ bytes: Int64) throws(SystemError) {
    try checked(clinux_ftruncate(rawValue, bytes), "ftruncate", "descriptor \(rawValue)")
  }

  /// fallocate(2): gives the file so many bytes, and the disk space for them. ENOSPC where there is less.
  package borrowing func allocate(_ bytes: Int64) throws(SystemError) {
    try checked(clinux_fallocate(rawValue, bytes), "fallocate", "descriptor \(rawValue)")
  }

  /// pwrite(2) of all bytes at `offset`.
  borrowing func write(_ bytes: [UInt8], at offset: Int64) throws(SystemError) {
    var done = 0
    while done < bytes.count {
      let answer = unsafe bytes.withUnsafeBytes { buffer in
        // `done` lies within the buffer by the loop's condition, so its address is not nil.
        unsafe clinux_pwrite(rawValue, buffer.baseAddress! + done, buffer.count - done, offset + Int64(done))
      }
      done += try checked(answer, "pwrite", "descriptor \(rawValue)")
    }
  }
}
