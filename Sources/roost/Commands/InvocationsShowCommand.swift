import ArgumentParser
import FunctionModel

/// `roost invocations show ID`
struct InvocationsShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show one invocation and where its time went.",
    discussion: """
      The phases follow each other: queue (until an environment was chosen), sandbox (making it), init (until the runtime was ready), \
      invoke (until it answered), response (until it asked for the next event; the caller does not wait for it, and the total does not count it).
      """)

  @Argument(help: ArgumentHelp("Its request id, or the beginning of it.", valueName: "request"))
  var id: String

  @OptionGroup var globals: GlobalOptions

  func run() async throws {
    let record = try await globals.client.invocation(requestID: id)
    try globals.report.show(record, identifiers: [record.requestID]) { Self.lines(of: record) }
  }

  static func lines(of record: InvocationRecord) -> [String] {
    var facts = FactList()
    facts.add("request", record.requestID)
    facts.add("function", record.function.arn(qualifier: record.version))
    facts.add("environment", record.environmentID)
    facts.add("accepted", "\(Timestamp.text(milliseconds: record.accepted)) UTC")
    facts.add("type", record.type.rawValue)
    facts.add("outcome", record.outcome.rawValue + (record.errorType.map { " (\($0))" } ?? ""))
    facts.add("start", record.environmentID.map { _ in record.coldStart ? "cold" : "warm" })
    facts.add("billed", "\(record.billedMilliseconds) ms")
    facts.add("CPU time", HumanUnits.duration(microseconds: record.cpuMicroseconds))
    facts.add("memory", HumanUnits.memory(used: record.maxMemoryUsed, of: record.memorySize))
    facts.add(record.stalls)
    facts.add("request size", HumanUnits.size(bytes: record.requestBytes))
    facts.add("response size", HumanUnits.size(bytes: record.responseBytes))
    return facts.lines() + [""] + PhaseChart(record.phases).lines()
  }
}

extension FactList {
  /// What the invocation had to do without, as far as it was recorded.
  fileprivate mutating func add(_ stalls: ResourceStalls?) {
    guard let stalls else { return }
    let throttled = HumanUnits.duration(microseconds: stalls.throttledMicroseconds)
    add("throttled", stalls.throttledPeriods == 0 ? "never" : "in \(stalls.throttledPeriods) periods of 20 ms, for \(throttled)")
    let waits = [
      ("CPU", stalls.cpuPressureMicroseconds), ("memory", stalls.memoryPressureMicroseconds), ("disk", stalls.ioPressureMicroseconds),
    ].compactMap { name, time in time.map { "\(name) \(HumanUnits.duration(microseconds: $0))" } }
    if !waits.isEmpty { add("waited for", waits.joined(separator: ", ")) }
    if stalls.refusedProcesses > 0 { add("refused", "\(stalls.refusedProcesses) processes or threads over the limit") }
  }
}
