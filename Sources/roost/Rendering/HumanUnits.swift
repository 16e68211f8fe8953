import FunctionModel

/// Quantities as a person reads them, never wider than seven characters.
enum HumanUnits {
  /// Microseconds as `870 µs`, `12.4 ms`, `3.21 s`, `4m 05s`, `2h 10m`, `3d 04h`.
  static func duration(microseconds: Int64) -> String {
    switch microseconds {
    case ..<1_000: "\(microseconds) µs"
    // The bounds are where rounding to three digits would need a fourth.
    case ..<999_500: "\(threeDigits(Double(microseconds) / 1_000)) ms"
    case ..<59_950_000: "\(threeDigits(Double(microseconds) / 1_000_000)) s"
    default: clock(seconds: (microseconds + 500_000) / 1_000_000)
    }
  }

  /// Time passed, in whole seconds below a minute: `12s`, `4m 05s`, `2h 10m`, `3d 04h`.
  static func age(milliseconds: Int64) -> String {
    let seconds = max(0, milliseconds) / 1_000
    return seconds < 60 ? "\(seconds)s" : clock(seconds: seconds)
  }

  /// `512 B`, `4.2 KB`, `61 MB`, `10 GB`, in steps of 1,024 as AWS counts its MB.
  static func size(bytes: Int64) -> String {
    var value = Double(bytes)
    for unit in ["B", "KB", "MB", "GB"] {
      if value < 999.5 || unit == "GB" { return "\(unit == "B" ? String(bytes) : threeDigits(value)) \(unit)" }
      value /= 1_024
    }
    return "\(bytes) B"
  }

  /// `used/limit` in MB, as `61/128 MB`.
  static func memory(used: MemorySize?, of limit: MemorySize) -> String {
    "\(used.map { String($0.megabytesRoundedUp) } ?? "-")/\(limit.megabytes) MB"
  }

  private static func clock(seconds: Int64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3_600)
    if minutes < 60 { return "\(minutes)m \(twoDigits(seconds % 60))s" }
    if hours < 48 { return "\(hours)h \(twoDigits(minutes % 60))m" }
    return "\(hours / 24)d \(twoDigits(hours % 24))h"
  }

  private static func twoDigits(_ number: Int64) -> String { number < 10 ? "0\(number)" : String(number) }

  /// Three significant digits without an exponent: `1.23`, `12.3`, `123`.
  private static func threeDigits(_ value: Double) -> String {
    let decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0
    let scale = [1, 10, 100][decimals]
    let scaled = Int64((value * Double(scale)).rounded())
    guard decimals > 0 else { return String(scaled) }
    let fraction = String(scaled % Int64(scale))
    return "\(scaled / Int64(scale)).\(String(repeating: "0", count: decimals - fraction.count))\(fraction)"
  }
}
