import CLinux
import Glibc

extension Descriptor {
  /// Opens a directory whose path root has chosen and others may own parts of. A link is followed only where root alone could have put it:
  /// what lies in a directory of somebody else's must be itself.
  ///
  /// - Throws: ELOOP or ENOTDIR at somebody else's link.
  package static func openDirectory(chosenByRoot path: String) throws(SystemError) -> Descriptor {
    var directory = try Descriptor.open("/", flags: O_RDONLY | O_DIRECTORY)
    for component in path.split(separator: "/") {
      directory = try directory.openTrusting(component, of: path, flags: O_RDONLY | O_DIRECTORY)
    }
    return directory
  }

  /// The file of such a path, whatever it is, as a place alone (`O_PATH`).
  package static func openPlace(chosenByRoot path: String) throws(SystemError) -> Descriptor {
    let components = path.split(separator: "/")
    let parent = try openDirectory(chosenByRoot: components.dropLast().joined(separator: "/"))
    return try parent.openTrusting(components.last ?? ".", of: path, flags: Int32(CLINUX_O_PATH))
  }

  private borrowing func openTrusting(
    _ component: Substring, of path: String, flags: Int32
  ) throws(SystemError) -> Descriptor {
    try refuseNul(in: path, call: "openat2")
    let resolve = try isOnlyRoots() ? 0 : CLINUX_RESOLVE_NO_SYMLINKS
    let answer = unsafe clinux_openat2(rawValue, String(component), UInt64(UInt32(bitPattern: flags)), 0, UInt64(resolve))
    return Descriptor(owning: try checked(answer, "openat2", path))
  }

  /// Whether the file is root's and neither its group nor others may write it. fstat(2).
  package borrowing func isOnlyRoots() throws(SystemError) -> Bool {
    var facts = stat()
    guard unsafe fstat(rawValue, &facts) == 0 else {
      throw SystemError(call: "fstat", object: "descriptor \(rawValue)", errno: Glibc.errno)
    }
    return facts.st_uid == 0 && facts.st_mode & (S_IWGRP | S_IWOTH) == 0
  }

  /// The path by which the kernel knows the open file now. readlink(2) of `/proc/self/fd/N`.
  package borrowing func path() throws(SystemError) -> String {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let link = "/proc/self/fd/\(rawValue)"
    let count = unsafe readlink(link, &bytes, bytes.count)
    guard count > 0 else { throw SystemError(call: "readlink", object: link, errno: Glibc.errno) }
    return String(decoding: bytes.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
