import ArgumentParser

/// `roost functions delete NAME`
struct FunctionsDeleteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Delete a function and end its environments.",
    discussion: "Its log and its invocations stay in the journal until their retention ends.")

  @Argument(help: ArgumentHelp("The function's name or ARN.", valueName: "name"))
  var name: String

  @OptionGroup var globals: GlobalOptions

  func run() async throws {
    try await globals.client.deleteFunction(name)
    globals.report.remark("deleted \(name)")
  }
}
