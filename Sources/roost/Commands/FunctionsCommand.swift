import ArgumentParser

/// `roost functions …`
struct FunctionsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "functions", abstract: "Deploy, change and list functions.",
    subcommands: [
      FunctionsListCommand.self, FunctionsCreateCommand.self, FunctionsUpdateCommand.self, FunctionsDeleteCommand.self,
      FunctionsShowCommand.self,
    ],
    defaultSubcommand: FunctionsListCommand.self)

  @OptionGroup var globals: GlobalOptions
}
