import FoundationEssentials
import FunctionModel

/// The present time, as the log and the journal write it.
package enum WallClock {
  /// Microseconds since 1970.
  package static func microseconds() -> Int64 {
    Int64(Date().timeIntervalSince1970 * 1_000_000)
  }

  /// Milliseconds since 1970.
  package static func milliseconds() -> Int64 { microseconds() / 1_000 }

  /// Now, as log lines write it.
  static func timestamp() -> String { CalendarTime(milliseconds: milliseconds()).iso }

  /// `2026/11/23/[$LATEST]<32 hex>`, from the environment's UUID.
  static func logStream(version: String, environment: String) -> String {
    "\(CalendarTime(milliseconds: milliseconds()).path)/[\(version)]\(environment.filter { $0 != "-" })"
  }
}
