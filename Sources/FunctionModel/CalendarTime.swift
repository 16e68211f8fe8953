/// A moment of the UTC calendar, split into its parts.
///
/// Written out here because the API needs four fixed formats on hot paths, and a general formatter costs more than the request.
package struct CalendarTime: Sendable, Hashable {
  package var year, month, day, hour, minute, second: Int
  /// 0 is Sunday.
  package var weekday: Int
  package var millisecond: Int

  package init(milliseconds: Int64) {
    let seconds = Self.floorDivide(milliseconds, 1_000)
    let days = Int(Self.floorDivide(seconds, 86_400))
    let ofDay = Int(seconds - Int64(days) * 86_400)
    (year, month, day) = Self.civil(fromDays: days)
    (hour, minute, second) = (ofDay / 3_600, ofDay / 60 % 60, ofDay % 60)
    millisecond = Int(milliseconds - seconds * 1_000)
    weekday = ((days % 7) + 11) % 7
  }

  /// Days since 1970-01-01 to a proleptic Gregorian date, by eras of 400 years that begin on 1 March.
  private static func civil(fromDays days: Int) -> (Int, Int, Int) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }

  /// The inverse of ``civil(fromDays:)``.
  private static func days(year: Int, month: Int, day: Int) -> Int {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static func floorDivide(_ value: Int64, _ by: Int64) -> Int64 {
    value >= 0 ? value / by : -((-value + by - 1) / by)
  }

  /// Seconds since 1970 of `YYYYMMDDThhmmssZ`; `nil` if `text` is not of that form or no such time.
  package static func seconds(basic text: String) -> Int64? {
    let bytes = Array(text.utf8)
    guard bytes.count == 16, bytes[8] == UInt8(ascii: "T"), bytes[15] == UInt8(ascii: "Z") else { return nil }
    func number(_ range: Range<Int>) -> Int? {
      guard bytes[range].allSatisfy({ (48...57).contains($0) }) else { return nil }
      return bytes[range].reduce(0) { $0 * 10 + Int($1 - 48) }
    }
    guard let year = number(0..<4), let month = number(4..<6), let day = number(6..<8), let hour = number(9..<11),
      let minute = number(11..<13), let second = number(13..<15), (1...12).contains(month), (1...31).contains(day), hour < 24,
      minute < 60, second <= 60
    else { return nil }
    return Int64(days(year: year, month: month, day: day)) * 86_400 + Int64(hour * 3_600 + minute * 60 + second)
  }

  /// Milliseconds since 1970 of `YYYY-MM-DDThh:mm:ssZ`, with or without a fraction of a second, which is dropped; `nil` if `text` is not of
  /// that form or no such time.
  package static func milliseconds(iso text: String) -> Int64? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z"), bytes.count == 20 || bytes[19] == UInt8(ascii: "."),
      [4, 7].allSatisfy({ bytes[$0] == UInt8(ascii: "-") }), [13, 16].allSatisfy({ bytes[$0] == UInt8(ascii: ":") }),
      bytes[19...].dropFirst().dropLast().allSatisfy({ (48...57).contains($0) })
    else { return nil }
    let kept = [0..<4, 5..<7, 8..<13, 14..<16, 17..<19].flatMap { bytes[$0] }
    return seconds(basic: String(decoding: kept, as: UTF8.self) + "Z").map { $0 * 1_000 }
  }

  private func padded(_ value: Int, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }

  /// `20260131T235959Z`, as in `X-Amz-Date`.
  package var basic: String { "\(date)T\(padded(hour, 2))\(padded(minute, 2))\(padded(second, 2))Z" }

  /// `20260131`, as in a credential scope.
  package var date: String { padded(year, 4) + padded(month, 2) + padded(day, 2) }

  /// `2026-01-31T23:59:59.123+0000`, as in `LastModified`.
  package var lambda: String {
    "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(padded(hour, 2)):\(padded(minute, 2)):\(padded(second, 2))"
      + ".\(padded(millisecond, 3))+0000"
  }

  /// `2026-01-31T23:59:59.123Z`, as in log lines.
  package var iso: String {
    "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(padded(hour, 2)):\(padded(minute, 2)):\(padded(second, 2))"
      + ".\(padded(millisecond, 3))Z"
  }

  /// `2026/01/31`, as log streams begin.
  package var path: String { "\(padded(year, 4))/\(padded(month, 2))/\(padded(day, 2))" }

  /// `Sat, 31 Jan 2026 23:59:59 GMT`, as in `Date` (RFC 9110 §5.6.7).
  package var http: String {
    let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    return "\(days[weekday]), \(padded(day, 2)) \(months[month - 1]) \(padded(year, 4)) "
      + "\(padded(hour, 2)):\(padded(minute, 2)):\(padded(second, 2)) GMT"
  }
}
