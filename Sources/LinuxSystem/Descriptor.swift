import Glibc

import CLinux

/// An open file descriptor with exactly one owner; closes with it.
///
/// All descriptors of Roost are close-on-exec from birth; who makes one passes `O_CLOEXEC` or its like.
@usableFromInline
package struct Descriptor: ~Copyable, Sendable {
  /// The number, for as long as the owner lives. Do not keep it longer.
  package let rawValue: CInt

  /// Takes ownership of `rawValue`, which must be open and owned by nobody else.
  package init(owning rawValue: CInt) {
    self.rawValue = rawValue
  }

  deinit {
    // close(2) never leaves a Linux descriptor open, whatever it answers.
    _ = Glibc.close(rawValue)
  }

  /// Gives the number to an owner outside Swift's sight (NIO, a child), who must close it.
  package consuming func release() -> CInt {
    let number = rawValue
    discard self
    return number
  }

  /// A second descriptor of the same open file. fcntl(2), `F_DUPFD_CLOEXEC`.
  package borrowing func duplicate() throws(SystemError) -> Descriptor {
    Descriptor(owning: try checked(clinux_duplicate(rawValue), "fcntl F_DUPFD_CLOEXEC", "descriptor \(rawValue)"))
  }

  /// Sets `O_NONBLOCK` on the open file (and so for all its descriptors). fcntl(2).
  package borrowing func makeNonBlocking() throws(SystemError) {
    try checked(clinux_set_nonblocking(rawValue), "fcntl F_SETFL", "descriptor \(rawValue)")
  }
}

/// Two descriptors that were made together, such as the ends of a socket pair.
@frozen package struct DescriptorPair: ~Copyable, Sendable {
  package var first: Descriptor
  package var second: Descriptor

  package init(first: consuming Descriptor, second: consuming Descriptor) {
    self.first = first
    self.second = second
  }
}

/// The ends of a pipe.
@frozen package struct Pipe: ~Copyable, Sendable {
  package var readEnd: Descriptor
  package var writeEnd: Descriptor

  /// pipe2(2): blocking ends; `nonBlockingReadEnd` for one that an event loop reads.
  package init(nonBlockingReadEnd: Bool = false) throws(SystemError) {
    var ends: [CInt] = [-1, -1]
    try checked(unsafe clinux_pipe(&ends, 0), "pipe2", "")
    let first = Descriptor(owning: ends[0])
    let second = Descriptor(owning: ends[1])
    if nonBlockingReadEnd { try first.makeNonBlocking() }
    readEnd = first
    writeEnd = second
  }
}
