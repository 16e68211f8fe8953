import ArgumentParser
import FunctionModel
import Glibc

/// `roost audit [ENV | --function NAME | --all | --self-test]`
struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Hold what Roost promises against what the kernel shows, and say what is not protected.",
    discussion: """
      For the host, and for one live environment or all: who runs as whom, what may be called, opened, mounted and reached, what is kept. \
      Read from the kernel, which answers root alone. VERDICT is holds, broken or unknown (the kernel could not be asked). Exit code 1, and a \
      line for each, when a promise is broken. --quiet prints broken promises only.
      """)

  @Argument(help: ArgumentHelp("A live environment: its id, or the beginning of it.", valueName: "environment"))
  var environment: String?

  @Option(help: ArgumentHelp("The environment of this function that was used last.", valueName: "name"))
  var function: String?

  @Flag(help: "Every live environment.")
  var all = false

  @Flag(help: "Deploy a function that looks around and tries what it must not do, audit its environment, and remove it.")
  var selfTest = false

  @OptionGroup var globals: GlobalOptions

  func validate() throws {
    guard [environment != nil, function != nil, all, selfTest].count(where: \.self) <= 1 else {
      throw ValidationError("name an environment, or --function, or --all, or --self-test")
    }
  }

  func run() async throws {
    guard geteuid() == 0 else {
      throw CommandFailure(.notPermitted, "only root may look into the processes of environments", hint: "sudo roost audit")
    }
    let daemon = try await globals.client.host()
    var audits = try await environments().compactMap { status in
      try Self.process(of: status, isOneOfMany: all).map { EnvironmentAudit(EnvironmentSnapshot(of: status, first: $0, daemon: daemon)) }
    }
    if selfTest { audits.append(try await SelfTest(client: globals.client, daemon: daemon).run()) }
    let report = AuditReport(host: HostAudit(.ofThisHost(daemon: daemon)), environments: audits)
    try globals.report.show(report, identifiers: report.broken) { report.lines() }
    let broken = report.broken
    guard broken.isEmpty else {
      if !globals.quiet { for line in broken { Terminal.standard.say("broken: \(PrintableText.line(line))") } }
      throw CommandFailure(.failed, "\(broken.count) of \(report.promises.count) promises are broken")
    }
  }

  private func environments() async throws(CommandFailure) -> [EnvironmentStatus] {
    if let environment {
      guard let status = try await globals.client.inspection(environment: environment).status else {
        throw CommandFailure(.notFound, "environment \(environment) has ended", hint: "roost ps lists those that live")
      }
      return [status]
    }
    guard all || function != nil else { return [] }
    let live = try await globals.client.environments()
    guard let function else { return live }
    guard let latest = live.filter({ $0.function.name == function }).max(by: { $0.lastUsed < $1.lastUsed }) else {
      throw CommandFailure(.notFound, "no live environment of \(function)", hint: "roost invoke \(function)")
    }
    return [latest]
  }

  /// The host's number of its process 1; `nil` for one of many that happens to have no sandbox just now.
  private static func process(of status: EnvironmentStatus, isOneOfMany: Bool) throws(CommandFailure) -> Int? {
    guard status.hostProcessID == nil, !isOneOfMany else { return status.hostProcessID }
    throw CommandFailure(
      .notFound, "environment \(status.id) has no sandbox now: it is \(status.state.rawValue)", hint: "invoke its function")
  }
}
