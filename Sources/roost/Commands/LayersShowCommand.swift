import ArgumentParser

/// `roost layers show NAME [VERSION]`
struct LayersShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show one version of a layer, or list its versions.")

  @Argument(help: ArgumentHelp("The layer's name.", valueName: "name"))
  var name: String

  @Argument(help: ArgumentHelp("The version's number; all versions when left out.", valueName: "version"))
  var version: Int?

  @OptionGroup var globals: GlobalOptions

  func run() async throws {
    if let version {
      let layer = try await globals.client.layerVersion(name, version)
      return try globals.report.show(layer, identifiers: [layer["LayerVersionArn"]?.text ?? name]) { Self.lines(of: layer) }
    }
    let versions = try await globals.client.layerVersions(name)
    guard !versions.isEmpty else { throw CommandFailure(.notFound, "no layer \(name)", hint: "roost layers lists them") }
    try globals.report.show(versions, identifiers: versions.compactMap { $0["LayerVersionArn"]?.text }) {
      var table = TextTable(.right("VERSION"), .left("CREATED"), .left("DESCRIPTION"))
      for layer in versions {
        table.add(
          layer["Version"]?.integer.map(String.init) ?? "-", layer["CreatedDate"]?.text ?? "-", layer["Description"]?.text ?? "")
      }
      return table.lines()
    }
  }

  static func lines(of layer: JSONValue) -> [String] {
    var facts = FactList()
    facts.add("ARN", layer["LayerVersionArn"]?.text)
    facts.add("version", layer["Version"]?.integer.map(String.init))
    facts.add("description", layer["Description"]?.text.flatMap { $0.isEmpty ? nil : $0 })
    facts.add("size", layer["Content"]?["CodeSize"]?.integer.map(HumanUnits.size(bytes:)))
    facts.add("SHA-256", layer["Content"]?["CodeSha256"]?.text)
    facts.add("created", layer["CreatedDate"]?.text)
    return facts.lines()
  }
}
