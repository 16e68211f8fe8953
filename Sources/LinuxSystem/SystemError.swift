// LinuxSystem: typed Swift over the system calls that Roost uses. Owned descriptors, sockets, waiting, mounts, control groups and loop
// volumes; errors that name call, object and errno. It imports CLinux and Glibc, and no Foundation.

import CLinux
import Glibc

/// A system call that failed: what was tried, on what, and what the kernel answered.
package struct SystemError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The system call, with its operation where it has several, as in `ioctl LOOP_CONFIGURE`.
  package let call: String
  /// What it was tried on: a path, a name, a descriptor's number. May be empty.
  package let object: String
  package let errno: Int32

  package init(call: String, object: String, errno: Int32) {
    self.call = call
    self.object = object
    self.errno = errno
  }

  /// As in `openat2 code/var: ENOENT (No such file or directory)`.
  package var description: String {
    let tried = object.isEmpty ? call : "\(call) \(object)"
    guard let name = unsafe clinux_error_name(errno), let text = unsafe clinux_error_text(errno) else {
      return "\(tried): errno \(errno)"
    }
    return unsafe "\(tried): \(String(cString: name)) (\(String(cString: text)))"
  }
}

/// Every answer of CLinux passes through here: `answer` itself, or its errno as a ``SystemError``.
@discardableResult
func checked<Answer: BinaryInteger>(
  _ answer: Answer, _ call: StaticString, _ object: @autoclosure () -> String
) throws(SystemError) -> Answer {
  guard answer >= 0 else { throw SystemError(call: "\(call)", object: object(), errno: -Int32(answer)) }
  return answer
}

/// As ``checked(_:_:_:)`` for calls on non-blocking descriptors: `nil` for EAGAIN.
func checkedUnlessBlocked<Answer: BinaryInteger>(
  _ answer: Answer, _ call: StaticString, _ object: @autoclosure () -> String
) throws(SystemError) -> Answer? {
  answer == Answer(-EAGAIN) ? nil : try checked(answer, call, object())
}
