import ArgumentParser

/// `roost functions update NAME`
struct FunctionsUpdateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "update", abstract: "Change a function's code, its configuration, or both.",
    discussion: "What is not given stays. Waits until the change is in force; environments of the old version end.")

  @Argument(help: ArgumentHelp("The function's name or ARN.", valueName: "name"))
  var name: String

  @OptionGroup(title: "Code") var code: CodeSource
  @OptionGroup(title: "Configuration") var settings: FunctionSettings
  @OptionGroup var globals: GlobalOptions

  func validate() throws {
    if code.zip == nil, code.directory == nil, settings.members.isEmpty {
      throw ValidationError("nothing to change: give --zip, --directory or a configuration option")
    }
  }

  func run() async throws {
    let client = globals.client
    // Configuration first: new code may need the new settings, and AWS refuses a second change while one is under way.
    if !settings.members.isEmpty {
      _ = try await client.updateConfiguration(of: name, settings.members)
      _ = try await client.settled(name)
    }
    if let zip = try code.member() { _ = try await client.updateCode(of: name, ["ZipFile": zip]) }
    let function = try await client.settled(name)
    try globals.report.show(function, identifiers: [function["FunctionArn"]?.text ?? name]) {
      FunctionsShowCommand.lines(of: function)
    }
  }
}
