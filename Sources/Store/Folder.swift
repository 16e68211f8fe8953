import ArchiveStream
import Glibc

/// A system call that failed, with the name it was about.
struct CallError: Error {
  var call: String
  var name: String
  var code: CInt

  var answer: String { unsafe "\(String(cString: strerror(code))) (errno \(code))" }

  /// For the room's border; `directory` tells where a relative name was looked up.
  func worded(in directory: String) -> StoreError {
    StoreError(
      operation: call, object: name.hasPrefix("/") ? name : "\(directory)/\(name)", answer: answer,
      isOutOfSpace: code == ENOSPC || code == EDQUOT)
  }
}

/// An open directory: everything below it is named relative to it, one component at a time, and no link is ever followed.
///
/// This file and ``ArchiveReader`` are the store's only unsafe code: here, C strings that live for the call they are passed to.
struct Folder: ~Copyable, Sendable {
  let descriptor: CInt

  private init(owning descriptor: CInt) {
    self.descriptor = descriptor
  }

  deinit {
    _ = close(descriptor)
  }

  /// A directory by path, for the administrator's own paths.
  static func open(path: String) throws(CallError) -> Folder {
    let descriptor = unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CallError(call: "open", name: path, code: errno) }
    return Folder(owning: descriptor)
  }

  /// Makes a directory by path unless there is one, for its owner alone.
  static func make(path: String) throws(CallError) {
    guard unsafe mkdir(path, 0o700) != 0, errno != EEXIST else { return }
    throw CallError(call: "mkdir", name: path, code: errno)
  }

  borrowing func duplicate() throws(CallError) -> Folder {
    let copy = unsafe openat(descriptor, FileName.current.cString, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0 else { throw CallError(call: "openat", name: ".", code: errno) }
    return Folder(owning: copy)
  }

  /// What an ordinary user may still write on the file system.
  borrowing func freeBytes() throws(CallError) -> Int64 {
    var space = statvfs()
    guard unsafe fstatvfs(descriptor, &space) == 0 else { throw CallError(call: "fstatvfs", name: ".", code: errno) }
    return Int64(clamping: UInt64(space.f_bavail).multipliedReportingOverflow(by: UInt64(space.f_frsize)).partialValue)
  }

  /// Opens a directory; a link in its place is an error (`ENOTDIR` or `ELOOP`).
  borrowing func folder(_ name: FileName) throws(CallError) -> Folder {
    let child = unsafe openat(descriptor, name.cString, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard child >= 0 else { throw CallError(call: "openat", name: name.description, code: errno) }
    return Folder(owning: child)
  }

  /// Makes a directory with mode 0755, whatever the umask. Returns whether it was made; one that is there already is left as it is.
  @discardableResult
  borrowing func makeFolder(_ name: FileName) throws(CallError) -> Bool {
    guard unsafe mkdirat(descriptor, name.cString, 0o755) == 0 else {
      if errno == EEXIST { return false }
      throw CallError(call: "mkdirat", name: name.description, code: errno)
    }
    guard unsafe fchmodat(descriptor, name.cString, 0o755, 0) == 0 else {
      throw CallError(call: "fchmodat", name: name.description, code: errno)
    }
    return true
  }

  /// Makes a regular file that must not be there yet (`O_EXCL`).
  borrowing func makeFile(_ name: FileName) throws(CallError) -> OpenFile {
    let file = unsafe openat(descriptor, name.cString, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw CallError(call: "openat", name: name.description, code: errno) }
    return OpenFile(owning: file, name: name)
  }

  /// Opens a regular file for reading.
  borrowing func file(_ name: FileName) throws(CallError) -> OpenFile {
    let file = unsafe openat(descriptor, name.cString, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { throw CallError(call: "openat", name: name.description, code: errno) }
    return OpenFile(owning: file, name: name)
  }

  borrowing func makeLink(_ name: FileName, to target: [UInt8]) throws(CallError) {
    let target = target.map { CChar(bitPattern: $0) } + [0]
    guard unsafe symlinkat(target, descriptor, name.cString) == 0 else {
      throw CallError(call: "symlinkat", name: name.description, code: errno)
    }
  }

  borrowing func removeFile(_ name: FileName) throws(CallError) {
    guard unsafe unlinkat(descriptor, name.cString, 0) == 0 else {
      throw CallError(call: "unlinkat", name: name.description, code: errno)
    }
  }

  borrowing func removeEmptyFolder(_ name: FileName) throws(CallError) {
    guard unsafe unlinkat(descriptor, name.cString, AT_REMOVEDIR) == 0 else {
      throw CallError(call: "unlinkat", name: name.description, code: errno)
    }
  }

  /// `renameat`: moves an entry into another folder of the same file system.
  borrowing func move(_ name: FileName, into other: borrowing Folder, as newName: FileName) throws(CallError) {
    guard unsafe renameat(descriptor, name.cString, other.descriptor, newName.cString) == 0 else {
      throw CallError(call: "renameat", name: newName.description, code: errno)
    }
  }

  /// What an entry is, without following a link; `nil` if there is none.
  borrowing func status(_ name: FileName) throws(CallError) -> stat? {
    var status = stat()
    guard unsafe fstatat(descriptor, name.cString, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
      if errno == ENOENT { return nil }
      throw CallError(call: "fstatat", name: name.description, code: errno)
    }
    return status
  }

  /// Sets the times of an entry, of a link itself if it is one.
  borrowing func setTimes(_ name: FileName, to seconds: Int) throws(CallError) {
    let times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
    guard unsafe utimensat(descriptor, name.cString, times, AT_SYMLINK_NOFOLLOW) == 0 else {
      throw CallError(call: "utimensat", name: name.description, code: errno)
    }
  }

  borrowing func synchronize() throws(CallError) {
    guard fsync(descriptor) == 0 else { throw CallError(call: "fsync", name: ".", code: errno) }
  }
}
