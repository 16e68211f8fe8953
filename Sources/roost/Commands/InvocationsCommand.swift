import ArgumentParser

/// `roost invocations …`
struct InvocationsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "invocations", abstract: "Look at the invocations that the journal kept.",
    subcommands: [InvocationsListCommand.self, InvocationsShowCommand.self], defaultSubcommand: InvocationsListCommand.self)

  @OptionGroup var globals: GlobalOptions
}
