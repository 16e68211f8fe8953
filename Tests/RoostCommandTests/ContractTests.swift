import FunctionModel
import Testing

@testable import roost

/// Field names of `--output json` are a contract: a change of these files is a change of it, and of CommandLine.md.
@Suite struct ContractTests {
  @Test func `every value as JSON, all members filled in`() throws {
    var status = Samples.frozen
    status.currentRequestID = Samples.cold.requestID
    var record = Samples.record
    record.ended = Samples.noon
    record.endReason = "idle"
    try expectGolden("json-environment", try Report.json(status))
    try expectGolden(
      "json-inspection", try Report.json(EnvironmentInspection(status: nil, record: record, invocations: [Samples.timedOut])))
    try expectGolden("json-log-line", try Report.json(Samples.logs))
    try expectGolden(
      "json-leftover", try Report.json(Leftover(kind: "control group", name: "name", detail: "processes 1, 2", removed: true)))
    try expectGolden("json-finding", try Report.json(Finding.substitute("check", "found", instead: "instead", remedy: "remedy")))
    try expectGolden("json-host", try Report.json(try #require(Hosts.debian12.daemon)))
  }
}
