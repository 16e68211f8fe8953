import ArgumentParser

/// `roost stop ENV…`
struct StopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "End execution environments.",
    discussion: "An invocation that runs in one is answered with an error. The function itself stays: its next invocation starts anew.")

  @Argument(help: ArgumentHelp("Ids, or the beginnings of them.", valueName: "environment"))
  var ids: [String]

  @OptionGroup var globals: GlobalOptions

  func run() async throws {
    for id in ids {
      try await globals.client.stop(environment: id)
      globals.report.remark("stopped \(id)")
    }
  }
}
