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

  /// How deep a walk goes down at most, each level with a descriptor and a frame of the stack. Trees that are kept are no deeper
  /// (``ArchiveLimits``).
  private static var levelLimit: Int { 64 }

  /// Removes an entry with all that is below it, however deep; no error if there is none.
  ///
  /// What lies too deep is moved up into the entry itself, where the next pass finds it.
  borrowing func removeTree(_ name: FileName) throws(CallError) {
    guard try !removeUnlessFolder(name) else { return }
    do {
      let tree = try folder(name)
      var (moved, earlier) = (0, 0)
      repeat {
        earlier = moved
        try tree.removeContents(level: 1, of: tree, moved: &moved)
      } while moved > earlier
    }
    try removeEmptyFolder(name)
  }

  private borrowing func removeContents(level: Int, of tree: borrowing Folder, moved: inout Int) throws(CallError) {
    for name in try names() {
      if try removeUnlessFolder(name) { continue }
      if level == Self.levelLimit {
        try move(name, into: tree, &moved)
      } else {
        try folder(name).removeContents(level: level + 1, of: tree, moved: &moved)
        try removeEmptyFolder(name)
      }
    }
  }

  /// Under a name that nothing has there: a directory takes the place of an empty one alone, which is as good as removed.
  private borrowing func move(_ name: FileName, into tree: borrowing Folder, _ moved: inout Int) throws(CallError) {
    while true {
      moved += 1
      do throws(CallError) {
        return try move(name, into: tree, as: FileName(".too-deep-\(moved)"))
      } catch {
        guard [ENOTEMPTY, EEXIST, ENOTDIR].contains(error.code) else { throw error }
      }
    }
  }

  /// - Returns: false for a directory.
  private borrowing func removeUnlessFolder(_ name: FileName) throws(CallError) -> Bool {
    guard let status = try status(name) else { return true }
    if status.st_mode & S_IFMT == S_IFDIR { return false }
    try removeFile(name)
    return true
  }
}
