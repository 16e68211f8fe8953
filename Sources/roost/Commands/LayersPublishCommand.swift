import ArgumentParser
import FoundationEssentials

/// `roost layers publish NAME`
struct LayersPublishCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "publish", abstract: "Publish a new version of a layer.", discussion: "What the zip holds appears under /opt.")

  @Argument(help: ArgumentHelp("The layer's name.", valueName: "name"))
  var name: String

  @OptionGroup(title: "Content") var code: CodeSource

  @Option(help: ArgumentHelp("A line about what it holds.", valueName: "text"))
  var description: String?

  @OptionGroup var globals: GlobalOptions

  func validate() throws {
    if code.zip == nil, code.directory == nil { throw ValidationError("--zip FILE or --directory DIR is needed") }
  }

  func run() async throws {
    var members: [String: JSONValue] = ["Content": .object(["ZipFile": try code.member() ?? .null])]
    members["Description"] = description.map(JSONValue.string)
    let layer = try await globals.client.publishLayer(name, members)
    try globals.report.show(layer, identifiers: [layer["LayerVersionArn"]?.text ?? name]) { LayersShowCommand.lines(of: layer) }
  }
}
