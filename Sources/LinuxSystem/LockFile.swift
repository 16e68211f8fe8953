import CLinux
import Glibc

/// A file that one process at a time holds locked, until this value or the process ends. flock(2).
///
/// The file stays; only the lock says whether somebody is there.
package struct LockFile: ~Copyable, Sendable {
  private let descriptor: Descriptor

  private init(holding descriptor: consuming Descriptor) {
    self.descriptor = descriptor
  }

  /// The lock on `name` in `directory`, which is made (mode 0600) if need be; `nil` while another holds it.
  package static func acquire(in directory: borrowing Descriptor, name: String) throws(SystemError) -> LockFile? {
    let file = try Descriptor.openBeneath(directory: directory, path: name, flags: O_RDWR | O_CREAT, mode: 0o600)
    let answer = clinux_flock(file.rawValue, LOCK_EX | LOCK_NB)
    guard try checkedUnlessBlocked(answer, "flock", name) != nil else { return nil }
    return LockFile(holding: file)
  }
}
