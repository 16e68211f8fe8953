import ArchiveStream
import CLinux
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

  /// How a tree gets to the disk: a flush per file, which waits for nothing else, or one `syncfs` for the whole file system, which waits
  /// for whatever else is dirty but does not cost a flush for each of 60,000 files.
  enum Durability {
    case eachFile
    case wholeFileSystem

    init(files: Int) {
      self = files <= 256 ? .eachFile : .wholeFileSystem
    }
  }

  /// How many bytes all regular files of the tree have together, and how many entries there are.
  borrowing func contents() throws(CallError) -> (bytes: Int64, entries: Int) {
    var total: (bytes: Int64, entries: Int) = (0, 0)
    for name in try names() {
      guard let status = try status(name) else { continue }
      total.entries += 1
      switch status.st_mode & S_IFMT {
      case S_IFDIR:
        let below = try folder(name).contents()
        total = (total.bytes + below.bytes, total.entries + below.entries)
      case S_IFREG: total.bytes += Int64(status.st_size)
      default: break
      }
    }
    return total
  }

  /// Gives every directory of the tree its final time and makes everything in it durable, from the leaves up.
  borrowing func seal(seconds: Int, by durability: Durability) throws(CallError) {
    try settle(seconds: seconds, flushing: durability == .eachFile)
    guard durability == .wholeFileSystem else { return }
    let answer = clinux_syncfs(descriptor)
    if answer < 0 { throw CallError(call: "syncfs", name: ".", code: -answer) }
  }

  private borrowing func settle(seconds: Int, flushing: Bool) throws(CallError) {
    for name in try names() {
      guard let status = try status(name) else { continue }
      switch status.st_mode & S_IFMT {
      case S_IFDIR:
        try folder(name).settle(seconds: seconds, flushing: flushing)
        try setTimes(name, to: seconds)
      case S_IFREG where flushing: try file(name).synchronize()
      default: break  // a link's target is in its inode, which the directory's flush takes along
      }
    }
    if flushing { try synchronize() }
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
