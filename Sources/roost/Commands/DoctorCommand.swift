import ArgumentParser
import FoundationEssentials
import FunctionModel

/// `roost doctor`
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Check what this host offers, and say what is missing and how to get it.",
    discussion: """
      RESULT is ok, substitute (not there, and something else is used) or missing (Roost needs it). Exit code 1 when something is missing. \
      --quiet prints the names of what is missing.
      """)

  @Option(
    name: .customLong("runtimes-dir"),
    help: ArgumentHelp(
      "Where the runtime images are, when no daemon tells (default: $ROOST_RUNTIMES_DIR, else in the state directory).", valueName: "dir"),
    completion: .directory)
  var runtimesDirectory: String?

  @OptionGroup var globals: GlobalOptions

  func run() async throws {
    let host = HostSnapshot.ofThisHost(
      stateDirectory: globals.stateDirectory, runtimesDirectory: imageDirectory,
      daemon: try await daemon())
    let findings = host.findings
    let missing = findings.filter { $0.verdict == .missing }.map(\.check)
    try globals.report.show(findings, identifiers: missing) { Finding.table(of: findings).lines() }
    guard missing.isEmpty else {
      throw CommandFailure(.failed, "missing: \(missing.joined(separator: ", "))", hint: "the last column says how to get it")
    }
  }

  private var imageDirectory: String {
    runtimesDirectory ?? ProcessInfo.processInfo.environment["ROOST_RUNTIMES_DIR"] ?? "\(globals.stateDirectory)/runtimes"
  }

  /// Whether it answers is one of the questions; only a strange answer is a failure.
  private func daemon() async throws(CommandFailure) -> HostFacts? {
    do {
      return try await globals.client.host()
    } catch {
      guard error.status == .unavailable || error.status == .notPermitted else { throw error }
      return nil
    }
  }
}
