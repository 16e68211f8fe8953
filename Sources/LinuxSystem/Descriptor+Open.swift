import Glibc

import CLinux

extension Descriptor {
  /// open(2), always with `O_CLOEXEC`. For paths of the host alone; for the rest see ``openBeneath(directory:path:flags:mode:)``.
  package static func open(_ path: String, flags: Int32, mode: UInt32 = 0) throws(SystemError) -> Descriptor {
    try refuseNul(in: path, call: "open")
    return Descriptor(owning: try checked(unsafe clinux_open(path, flags, mode), "open", path))
  }

  /// openat2(2) beneath `directory`, always with `O_CLOEXEC`: never leaves the directory and follows no link, not even a harmless one
  /// (`RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS|RESOLVE_NO_MAGICLINKS`).
  package static func openBeneath(
    directory: borrowing Descriptor, path: String, flags: Int32, mode: UInt32 = 0
  ) throws(SystemError) -> Descriptor {
    try refuseNul(in: path, call: "openat2")
    let resolve = CLINUX_RESOLVE_BENEATH | CLINUX_RESOLVE_NO_SYMLINKS | CLINUX_RESOLVE_NO_MAGICLINKS
    let answer = unsafe clinux_openat2(
      directory.rawValue, path, UInt64(UInt32(bitPattern: flags)), UInt64(mode), UInt64(resolve))
    return Descriptor(owning: try checked(answer, "openat2", path))
  }

  /// The file of that name in `directory`, whatever it is (a link is not followed), as a place alone (`O_PATH`).
  package static func openPlace(beneath directory: borrowing Descriptor, _ name: String) throws(SystemError) -> Descriptor {
    try refuseNul(in: name, call: "openat2")
    let flags = UInt64(UInt32(bitPattern: Int32(CLINUX_O_PATH) | O_NOFOLLOW))
    let answer = unsafe clinux_openat2(directory.rawValue, name, flags, 0, UInt64(CLINUX_RESOLVE_BENEATH))
    return Descriptor(owning: try checked(answer, "openat2", name))
  }

  /// An event counter for notices from the kernel. eventfd(2), non-blocking.
  package static func eventCounter() throws(SystemError) -> Descriptor {
    Descriptor(owning: try checked(clinux_eventfd(), "eventfd", ""))
  }
}

/// A NUL would cut the path short on its way to the kernel: another file would be meant than the one that was checked.
func refuseNul(in path: String, call: String) throws(SystemError) {
  guard !path.utf8.contains(0) else { throw SystemError(call: call, object: path, errno: EINVAL) }
}
