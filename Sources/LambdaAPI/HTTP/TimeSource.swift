internal import FoundationEssentials

/// The time of day; a value, so that tests can set it.
package struct TimeSource: Sendable {
  /// Milliseconds since 1970.
  package var milliseconds: @Sendable () -> Int64

  package init(milliseconds: @escaping @Sendable () -> Int64) { self.milliseconds = milliseconds }

  package static let system = TimeSource { Int64(Date().timeIntervalSince1970 * 1_000) }
}
