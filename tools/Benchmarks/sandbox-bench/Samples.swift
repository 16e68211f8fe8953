/// Times of one case, in microseconds.
struct Samples {
  private var values: [Int64] = []

  mutating func append(_ duration: Duration) {
    values.append(duration.components.seconds * 1_000_000 + duration.components.attoseconds / 1_000_000_000_000)
  }

  /// The value below which `share` of all lie.
  func quantile(_ share: Double) -> Int64 {
    guard !values.isEmpty else { return 0 }
    return values.sorted()[min(values.count - 1, Int(Double(values.count) * share))]
  }

  /// A line of the table; the last column is the median as a multiple of `base`.
  func row(_ name: String, base: Int64) -> String {
    let hundredths = base == 0 ? 0 : quantile(0.5) * 100 / base
    let ratio = "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    return Samples.row(name, "\(values.count)", "\(quantile(0))", "\(quantile(0.5))", "\(quantile(0.95))", ratio)
  }

  static func row(_ first: String, _ rest: String...) -> String {
    first + String(repeating: " ", count: max(1, 16 - first.count))
      + rest.map { String(repeating: " ", count: max(1, 12 - $0.count)) + $0 }.joined()
  }
}
