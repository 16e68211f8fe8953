import FoundationEssentials

/// Points in time as tables and logs print them: UTC, so that lines of several hosts can be laid side by side.
enum Timestamp {
  /// Milliseconds since 1970 as `2026-11-23 13:05:09.042`.
  static func text(milliseconds: Int64) -> String {
    let style = Date.ISO8601FormatStyle(dateTimeSeparator: .space, timeZone: .gmt).year().month().day().time(
      includingFractionalSeconds: false)
    // The fraction is written from the integer: a Date counts in binary fractions and would print some milliseconds one too low.
    let fraction = String(milliseconds % 1_000)
    let seconds = Date(timeIntervalSince1970: Double(milliseconds / 1_000)).formatted(style)
    return "\(seconds).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
  }

  /// Now, in milliseconds since 1970, as the daemon counts.
  static var now: Int64 { Int64(Date.now.timeIntervalSince1970 * 1_000) }
}
