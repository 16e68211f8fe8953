import ArgumentParser
import FunctionModel

/// `roost invocations [list]`
struct InvocationsListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the latest invocations, newest first.",
    discussion: "DURATION runs from the hand-over of the event to the answer; TOTAL is what the caller waited. Times are UTC.")

  @Option(name: .shortAndLong, help: ArgumentHelp("Of this function only.", valueName: "name"))
  var function: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("How many at most (1–1000).", valueName: "n"))
  var limit = 20

  @OptionGroup var globals: GlobalOptions

  func validate() throws {
    guard (1...1_000).contains(limit) else { throw ValidationError("--limit takes 1 to 1000") }
  }

  func run() async throws {
    let records = try await globals.client.invocations(function: function, limit: limit)
    try globals.report.show(records, identifiers: records.map(\.requestID)) { Self.table(of: records).lines() }
  }

  static func table(of records: [InvocationRecord]) -> TextTable {
    var table = TextTable(
      .left("ACCEPTED"), .left("REQUEST"), .left("FUNCTION"), .left("ENVIRONMENT"), .left("START"), .left("OUTCOME"),
      .right("DURATION"), .right("TOTAL"), .right("BILLED"), .right("MEMORY"))
    for record in records {
      table.add(
        Timestamp.text(milliseconds: record.accepted), record.requestID.shortIdentifier, record.function.name,
        record.environmentID?.shortIdentifier ?? "-", record.environmentID == nil ? "-" : record.coldStart ? "cold" : "warm",
        record.outcome.rawValue, HumanUnits.duration(microseconds: record.phases.invoke),
        HumanUnits.duration(microseconds: record.phases.answered), "\(record.billedMilliseconds) ms",
        HumanUnits.memory(used: record.maxMemoryUsed, of: record.memorySize))
    }
    return table
  }
}
