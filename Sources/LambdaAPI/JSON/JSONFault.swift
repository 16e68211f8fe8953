/// Why a text is not JSON, and where.
package struct JSONFault: Error, Sendable, Hashable, CustomStringConvertible {
  /// What was met and what had been expected.
  package var reason: String
  /// Bytes before the fault.
  package var offset: Int

  package var description: String { "\(reason) at byte \(offset + 1)" }
}
