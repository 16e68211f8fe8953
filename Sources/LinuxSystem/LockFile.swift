import CLinux
import Glibc

/// A file that one process at a time holds locked, until this value or the process ends. fcntl(2), F_SETLK.
///
/// The file stays; only the lock says whether somebody is there. Unlike flock(2)'s, the lock is the process's own: no child that has a copy
/// of the descriptor can outlive it with the lock. The other side of that: it is lost once the process closes *any* descriptor of the
/// file, so nobody else here may open it, and a second `acquire` in one process succeeds.
package struct LockFile: ~Copyable, Sendable {
  private let descriptor: Descriptor

  private init(holding descriptor: consuming Descriptor) {
    self.descriptor = descriptor
  }

  /// The lock on `name` in `directory`, which is made (mode 0600) if need be; `nil` while another holds it.
  package static func acquire(in directory: borrowing Descriptor, name: String) throws(SystemError) -> LockFile? {
    while true {
      let file = try Descriptor.openBeneath(directory: directory, path: name, flags: O_RDWR | O_CREAT, mode: 0o600)
      let answer = clinux_lock(file.rawValue)
      guard try checkedUnlessBlocked(answer, "fcntl SETLK", name) != nil else { return nil }
      // Whoever held it may have removed it in between: then it is nobody's lock any more.
      if try file.hasName() { return LockFile(holding: file) }
    }
  }
}

extension Descriptor {
  /// fstat(2).
  fileprivate borrowing func hasName() throws(SystemError) -> Bool {
    var facts = stat()
    guard unsafe fstat(rawValue, &facts) == 0 else {
      throw SystemError(call: "fstat", object: "descriptor \(rawValue)", errno: Glibc.errno)
    }
    return facts.st_nlink > 0
  }
}
