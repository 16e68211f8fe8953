import ArgumentParser
import FunctionModel

/// `roost ps`
struct EnvironmentsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ps", abstract: "List the live execution environments.",
    discussion: "MEMORY is what the sandbox is charged with and its limit; IDLE is the time since its last invocation.",
    aliases: ["environments"])

  @OptionGroup var globals: GlobalOptions

  func run() async throws {
    let environments = try await globals.client.environments().sorted {
      ($0.function.name, $0.started, $0.id) < ($1.function.name, $1.started, $1.id)
    }
    try globals.report.show(environments, identifiers: environments.map(\.id)) {
      Self.table(of: environments, now: Timestamp.now).lines()
    }
    if environments.isEmpty { globals.report.remark("no environment is alive; the next roost invoke starts one") }
  }

  static func table(of environments: [EnvironmentStatus], now: Int64) -> TextTable {
    var table = TextTable(
      .left("ID"), .left("FUNCTION"), .left("VERSION"), .left("STATE"), .right("MEMORY"), .right("CPU"), .right("AGE"),
      .right("IDLE"), .right("INVOCATIONS"))
    for environment in environments {
      table.add(
        environment.id.shortIdentifier, environment.function.name, environment.version, environment.state.rawValue,
        HumanUnits.memory(used: environment.memoryUsed, of: environment.memorySize),
        HumanUnits.duration(microseconds: environment.cpuMicroseconds),
        HumanUnits.age(milliseconds: now - environment.started),
        environment.state == .frozen ? HumanUnits.age(milliseconds: now - environment.lastUsed) : "-",
        String(environment.invocations))
    }
    return table
  }
}

extension String {
  /// The first eight characters of a UUID: enough to tell environments of one host apart, and every command takes them back.
  var shortIdentifier: String { String(prefix(8)) }
}
