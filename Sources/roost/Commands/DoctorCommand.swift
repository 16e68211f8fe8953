import ArgumentParser

/// `roost doctor`
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "doctor", abstract: "Check what this host offers, and say what is missing and how to get it.")

  @OptionGroup var globals: GlobalOptions

  func run() async throws {
  }
}
