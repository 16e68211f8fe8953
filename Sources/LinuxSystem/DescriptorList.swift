import Glibc

/// Descriptors with one owner together; all close with it. (An array cannot hold a ``Descriptor``.)
package struct DescriptorList: ~Copyable, Sendable {
  /// In the order they were appended, for as long as the list lives.
  package private(set) var rawValues: [CInt] = []

  package init() {}

  /// Takes ownership of `numbers`, which must be open and owned by nobody else.
  package init(owning numbers: [CInt]) { rawValues = numbers }

  deinit {
    for number in rawValues { _ = Glibc.close(number) }
  }

  package mutating func append(_ descriptor: consuming Descriptor) {
    rawValues.append(descriptor.release())
  }

  /// Gives the numbers to the caller, who must close them.
  package consuming func release() -> [CInt] {
    let numbers = rawValues
    rawValues = []
    return numbers
  }
}
