import ArgumentParser
import Testing

@testable import roost

@Suite struct HelpTests {
  static let commands: [(String, any ParsableCommand.Type)] = [
    ("roost", RoostCommand.self), ("functions", FunctionsCommand.self), ("functions-list", FunctionsListCommand.self),
    ("functions-create", FunctionsCreateCommand.self), ("functions-update", FunctionsUpdateCommand.self),
    ("functions-delete", FunctionsDeleteCommand.self), ("functions-show", FunctionsShowCommand.self), ("layers", LayersCommand.self),
    ("layers-list", LayersListCommand.self), ("layers-publish", LayersPublishCommand.self), ("layers-delete", LayersDeleteCommand.self),
    ("layers-show", LayersShowCommand.self), ("invoke", InvokeCommand.self), ("ps", EnvironmentsCommand.self),
    ("inspect", InspectCommand.self), ("stop", StopCommand.self), ("invocations", InvocationsCommand.self),
    ("invocations-list", InvocationsListCommand.self), ("invocations-show", InvocationsShowCommand.self), ("logs", LogsCommand.self),
    ("doctor", DoctorCommand.self), ("audit", AuditCommand.self), ("version", VersionCommand.self),
  ]

  @Test func `the help of every command is as reviewed`() throws {
    for (name, command) in Self.commands {
      try expectGolden("help-\(name)", RoostCommand.helpMessage(for: command, columns: 100))
    }
  }

  @Test func `every command is in the list above`() {
    func leaves(_ command: any ParsableCommand.Type) -> [String] {
      [String(describing: command)] + command.configuration.subcommands.flatMap(leaves)
    }
    #expect(Set(leaves(RoostCommand.self)) == Set(Self.commands.map { String(describing: $0.1) }))
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func `completions know the commands`(shell: String) throws {
    let shell = try #require(CompletionShell(rawValue: shell))
    let script = RoostCommand.completionScript(for: shell)
    for verb in ["functions", "invocations", "doctor", "--state-dir"] {
      #expect(script.contains(verb.hasPrefix("--") ? String(verb.dropFirst(2)) : verb))
    }
  }
}
