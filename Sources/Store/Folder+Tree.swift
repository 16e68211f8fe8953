import Glibc

/// Whole trees, walked by descriptor: names are taken as bytes, links are not followed.
extension Folder {
  /// The names in a directory, but for `.` and `..`, in no order.
  borrowing func names() throws(CallError) -> [FileName] {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0, let stream = unsafe fdopendir(copy) else { throw CallError(call: "fdopendir", name: ".", code: errno) }
    defer { _ = unsafe closedir(stream) }
    unsafe rewinddir(stream)  // the copy shares its position with the descriptor
    var names: [FileName] = []
    errno = 0
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe bytes.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
      }
      if name != [46, 0] && name != [46, 46, 0] { names.append(FileName(fromDirectory: name)) }
    }
    guard errno == 0 else { throw CallError(call: "readdir", name: ".", code: errno) }
    return names
  }

  /// Gives every directory of the tree its final time and makes everything in it durable, from the leaves up.
  ///
  /// To be called when all has been written: then the first `fsync` commits the file system's journal for all of them, and the others
  /// find little to do.
  borrowing func seal(seconds: Int) throws(CallError) {
    for name in try names() {
      guard let status = try status(name) else { continue }
      switch status.st_mode & S_IFMT {
      case S_IFDIR:
        try folder(name).seal(seconds: seconds)
        try setTimes(name, to: seconds)
      case S_IFREG: try file(name).synchronize()
      default: break  // a link's target is in its inode, which the directory's fsync takes along
      }
    }
    try synchronize()
  }

  /// Removes an entry with all that is below it; no error if there is none.
  borrowing func removeTree(_ name: FileName) throws(CallError) {
    guard let status = try status(name) else { return }
    guard status.st_mode & S_IFMT == S_IFDIR else { return try removeFile(name) }
    do {
      let folder = try folder(name)
      for child in try folder.names() { try folder.removeTree(child) }
    }
    try removeEmptyFolder(name)
  }
}
