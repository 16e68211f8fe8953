internal import FunctionModel
/// The `Date` field, formatted once a second.
struct HTTPDate {
  let clock: TimeSource
  private var second: Int64 = -1
  private var formatted = ""

  init(clock: TimeSource) { self.clock = clock }

  mutating func text() -> String {
    let milliseconds = clock.milliseconds()
    if milliseconds / 1_000 != second {
      second = milliseconds / 1_000
      formatted = CalendarTime(milliseconds: milliseconds).http
    }
    return formatted
  }
}
