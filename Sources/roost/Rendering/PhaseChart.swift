import FunctionModel

/// The phases of one invocation as bars on a common time axis, each beginning where the one before ended.
struct PhaseChart: Sendable {
  /// Cells of the whole axis.
  static let width = 48

  private var phases: [(name: String, microseconds: Int64)]
  /// What the caller waited: all phases but the last.
  private var answered: Int64

  init(_ phases: InvocationPhases) {
    answered = phases.answered
    self.phases = [
      ("queue", phases.queue), ("sandbox", phases.sandboxCreate), ("init", phases.initialization), ("invoke", phases.invoke),
      ("response", phases.response),
    ]
  }

  func lines() -> [String] {
    let total = phases.reduce(0) { $0 + $1.microseconds }
    var elapsed: Int64 = 0
    let lines = phases.map { phase in
      let bar = bar(from: elapsed, to: elapsed + phase.microseconds, of: total)
      elapsed += phase.microseconds
      return line(phase.name, phase.microseconds, bar)
    }
    return lines + [line("total", answered, "")]
  }

  /// A phase that happened is never invisible: it gets at least a sliver in the cell where it lies.
  private func bar(from start: Int64, to end: Int64, of total: Int64) -> String {
    guard end > start else { return "" }
    let first = cell(start, of: total)
    let last = cell(end, of: total)
    guard last > first else { return String(repeating: " ", count: min(first, Self.width - 1)) + "▏" }
    return String(repeating: " ", count: first) + String(repeating: "█", count: last - first)
  }

  private func cell(_ microseconds: Int64, of total: Int64) -> Int {
    Int((Double(microseconds) / Double(total) * Double(Self.width)).rounded())
  }

  private func line(_ name: String, _ microseconds: Int64, _ bar: String) -> String {
    let time = HumanUnits.duration(microseconds: microseconds)
    let blanks = (String(repeating: " ", count: 8 - name.count), String(repeating: " ", count: max(0, 8 - time.count)))
    return "\(name)\(blanks.0) \(blanks.1)\(time)\(bar.isEmpty ? "" : "  \(bar)")"
  }
}

extension InvocationPhases {
  /// Accepted until the answer was there: all but the last phase, which the caller does not wait for.
  var answered: Int64 { queue + sandboxCreate + initialization + invoke }
}
