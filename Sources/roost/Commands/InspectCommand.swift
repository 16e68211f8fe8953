import ArgumentParser
import FunctionModel

/// `roost inspect ENV`
struct InspectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Show one execution environment, alive or ended, and what it served last.")

  @Argument(help: ArgumentHelp("Its id, or the beginning of it.", valueName: "environment"))
  var id: String

  @OptionGroup var globals: GlobalOptions

  func run() async throws {
    let inspection = try await globals.client.inspection(environment: id)
    try globals.report.show(inspection, identifiers: [inspection.status?.id ?? inspection.record?.id ?? id]) {
      Self.lines(of: inspection, now: Timestamp.now)
    }
  }

  static func lines(of inspection: EnvironmentInspection, now: Int64) -> [String] {
    var facts = FactList()
    if let status = inspection.status {
      add(status, to: &facts, now: now)
    } else if let record = inspection.record {
      facts.add("environment", record.id)
      facts.add("function", "\(record.function.arn(qualifier: record.version))")
      facts.add("state", "ended" + (record.endReason.map { " (\($0))" } ?? ""))
      facts.add("memory limit", HumanUnits.size(bytes: record.memorySize.bytes))
      facts.add("started", Timestamp.text(milliseconds: record.started))
      facts.add("log stream", record.logStream)
    }
    if let record = inspection.record { add(record, to: &facts) }
    guard !inspection.invocations.isEmpty else { return facts.lines() }
    return facts.lines() + [""] + InvocationsListCommand.table(of: inspection.invocations).lines()
  }

  private static func add(_ status: EnvironmentStatus, to facts: inout FactList, now: Int64) {
    facts.add("environment", status.id)
    facts.add("function", status.function.arn(qualifier: status.version))
    facts.add("state", status.state.rawValue)
    facts.add("request", status.currentRequestID)
    facts.add("memory now", HumanUnits.memory(used: status.memoryUsed, of: status.memorySize))
    facts.add("memory at most", status.maxMemoryUsed.map { HumanUnits.size(bytes: $0.bytes) })
    facts.add("CPU time", HumanUnits.duration(microseconds: status.cpuMicroseconds))
    facts.add("started", "\(Timestamp.text(milliseconds: status.started)) (\(HumanUnits.age(milliseconds: now - status.started)) ago)")
    facts.add("last used", "\(Timestamp.text(milliseconds: status.lastUsed)) (\(HumanUnits.age(milliseconds: now - status.lastUsed)) ago)")
    facts.add("invocations", String(status.invocations))
    facts.add("host user id", String(status.hostUserID))
    facts.add("host process id", status.hostProcessID.map(String.init))
    facts.add("log stream", status.logStream)
  }

  private static func add(_ record: EnvironmentRecord, to facts: inout FactList) {
    facts.add("sandbox made in", record.sandboxCreate.map(HumanUnits.duration(microseconds:)))
    facts.add("initialized in", record.initialization.map(HumanUnits.duration(microseconds:)))
    if let ended = record.ended {
      facts.add("ended", "\(Timestamp.text(milliseconds: ended)), \(HumanUnits.age(milliseconds: ended - record.started)) old")
      facts.add("invocations", String(record.invocations))
    }
  }
}
