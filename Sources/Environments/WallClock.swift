import FoundationEssentials

/// Dates as the log and the journal write them.
package enum WallClock {
  /// Microseconds since 1970.
  package static func microseconds() -> Int64 {
    Int64(Date().timeIntervalSince1970 * 1_000_000)
  }

  /// Milliseconds since 1970.
  package static func milliseconds() -> Int64 { microseconds() / 1_000 }

  /// `2026-11-23T13:05:06.789Z`
  static func timestamp(milliseconds: Int64 = milliseconds()) -> String {
    let day = CivilDay(secondsSince1970: milliseconds / 1_000)
    let seconds = Int(milliseconds / 1_000 % 86_400)
    let time = [seconds / 3_600, seconds / 60 % 60, seconds % 60].map { padded($0, 2) }.joined(separator: ":")
    return "\(day.text(separator: "-"))T\(time).\(padded(Int(milliseconds % 1_000), 3))Z"
  }

  /// `2026/11/23/[$LATEST]<32 hex>`, from the environment's UUID.
  static func logStream(version: String, environment: String) -> String {
    let day = CivilDay(secondsSince1970: milliseconds() / 1_000).text(separator: "/")
    return "\(day)/[\(version)]\(environment.filter { $0 != "-" })"
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// A date of the Gregorian calendar in UTC, by the days-from-civil algorithm run backwards.
  private struct CivilDay {
    var year: Int
    var month: Int
    var day: Int

    init(secondsSince1970: Int64) {
      let shifted = Int(secondsSince1970 / 86_400) + 719_468  // days since 0000-03-01
      let era = shifted / 146_097
      let dayOfEra = shifted % 146_097
      let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
      let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
      let marchMonth = (5 * dayOfYear + 2) / 153
      day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
      month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
      year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    func text(separator: String) -> String {
      [padded(year, 4), padded(month, 2), padded(day, 2)].joined(separator: separator)
    }
  }
}
