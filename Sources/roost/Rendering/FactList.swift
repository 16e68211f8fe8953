/// Names and values below each other, the values aligned.
struct FactList: Sendable {
  private var facts: [(name: String, value: String)] = []

  init() {}

  /// A fact without a value is left out.
  mutating func add(_ name: String, _ value: String?) {
    if let value { facts.append((name, PrintableText.line(value))) }
  }

  func lines() -> [String] {
    let width = facts.map(\.name.count).max() ?? 0
    return facts.map { "\($0.name)\(String(repeating: " ", count: width - $0.name.count))  \($0.value)" }
  }
}
