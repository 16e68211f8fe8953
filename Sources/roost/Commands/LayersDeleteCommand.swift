import ArgumentParser

/// `roost layers delete NAME VERSION`
struct LayersDeleteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Delete a version of a layer.", discussion: "Functions that use it keep it.")

  @Argument(help: ArgumentHelp("The layer's name.", valueName: "name"))
  var name: String

  @Argument(help: ArgumentHelp("The version's number.", valueName: "version"))
  var version: Int

  @OptionGroup var globals: GlobalOptions

  func run() async throws {
    try await globals.client.deleteLayerVersion(name, version)
    globals.report.remark("deleted version \(version) of \(name)")
  }
}
