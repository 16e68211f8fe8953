import ArgumentParser

/// `roost layers [list]`
struct LayersListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List the layers with their latest version.")

  @OptionGroup var globals: GlobalOptions

  func run() async throws {
    let layers = try await globals.client.layers()
    try globals.report.show(layers, identifiers: layers.compactMap { $0["LayerName"]?.text }) {
      var table = TextTable(.left("NAME"), .right("VERSION"), .left("CREATED"), .left("ARN"))
      for layer in layers {
        let latest = layer["LatestMatchingVersion"]
        table.add(
          layer["LayerName"]?.text ?? "-", latest?["Version"]?.integer.map(String.init) ?? "-", latest?["CreatedDate"]?.text ?? "-",
          latest?["LayerVersionArn"]?.text ?? "-")
      }
      return table.lines()
    }
    if layers.isEmpty { globals.report.remark("no layers yet; roost layers publish makes one") }
  }
}
