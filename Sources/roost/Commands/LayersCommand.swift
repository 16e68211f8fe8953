import ArgumentParser

/// `roost layers …`
struct LayersCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "layers", abstract: "Publish and list layers.",
    subcommands: [LayersListCommand.self, LayersPublishCommand.self, LayersDeleteCommand.self, LayersShowCommand.self],
    defaultSubcommand: LayersListCommand.self)

  @OptionGroup var globals: GlobalOptions
}
