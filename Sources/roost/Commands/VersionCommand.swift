import ArgumentParser
import FunctionModel

/// `roost version`
struct VersionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Show the version of this program, and of the daemon if one answers.")

  /// Version of the command line; released together with the daemon.
  static let current = "0.1.0"

  /// JSON of `roost version`.
  struct Versions: Encodable {
    var client: String
    /// Absent while no daemon answers.
    var daemon: String?
  }

  @OptionGroup var globals: GlobalOptions

  func run() async throws {
    let versions = Versions(client: Self.current, daemon: try await daemonVersion())
    try globals.report.show(versions, identifiers: [versions.client]) {
      ["roost \(versions.client)"] + (versions.daemon.map { ["daemon \($0)"] } ?? [])
    }
  }

  /// `nil` while no daemon answers: the question has an answer without one.
  private func daemonVersion() async throws(CommandFailure) -> String? {
    do {
      return try await globals.client.host().version
    } catch {
      guard error.status == .unavailable else { throw error }
      globals.report.remark("\(error.message); this is the version of the command line alone")
      return nil
    }
  }
}
