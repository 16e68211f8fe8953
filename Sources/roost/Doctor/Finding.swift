/// One line of `roost doctor`.
struct Finding: Sendable, Hashable, Encodable {
  enum Verdict: String, Sendable, Hashable, Encodable {
    case ok
    /// Not there, and not needed: something else is used, or nothing yet.
    case substitute
    /// Without it Roost does not work.
    case missing
  }

  /// What was looked for.
  var check: String
  var verdict: Verdict
  var found: String
  var usedInstead: String?
  /// How to get it.
  var remedy: String?

  static func ok(_ check: String, _ found: String) -> Finding { Finding(check: check, verdict: .ok, found: found) }

  static func substitute(_ check: String, _ found: String, instead: String?, remedy: String? = nil) -> Finding {
    Finding(check: check, verdict: .substitute, found: found, usedInstead: instead, remedy: remedy)
  }

  static func missing(_ check: String, _ found: String, remedy: String) -> Finding {
    Finding(check: check, verdict: .missing, found: found, remedy: remedy)
  }

  static func table(of findings: [Finding]) -> TextTable {
    var table = TextTable(.left("CHECK"), .left("RESULT"), .left("FOUND"), .left("USED INSTEAD"), .left("HOW TO GET IT"))
    for finding in findings {
      table.add(
        finding.check, finding.verdict.rawValue, finding.found, finding.usedInstead ?? "", finding.remedy ?? "")
    }
    return table
  }
}
