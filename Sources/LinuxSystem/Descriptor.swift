package import Glibc

/// An open file descriptor with exactly one owner; closes with it.
///
/// All descriptors of Roost are close-on-exec from birth; who makes one passes `O_CLOEXEC` or its like.
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
}
