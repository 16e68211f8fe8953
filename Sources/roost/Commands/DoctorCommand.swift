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

      --clean removes, as root and while no daemon runs, what a daemon that was killed has left in this state directory and of its sandboxes; \
      the daemon's next start would do the same. Exit code 1 when something could not be removed, or when --dry-run found something.
      """)

  @Option(
    name: .customLong("runtimes-dir"),
    help: ArgumentHelp(
      "Where the runtime images are, when no daemon tells (default: $ROOST_RUNTIMES_DIR, else in the state directory).", valueName: "dir"),
    completion: .directory)
  var runtimesDirectory: String?

  @Flag(help: "Remove what a killed daemon has left, instead of checking.")
  var clean = false

  @Flag(help: "With --clean: only list what would be removed.")
  var dryRun = false

  @OptionGroup var globals: GlobalOptions

  func validate() throws {
    if dryRun && !clean { throw ValidationError("--dry-run is for --clean") }
  }

  func run() async throws {
    if clean { return try removeLeftovers() }
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

  private func removeLeftovers() throws(CommandFailure) {
    let outcome = try Cleaning(program: try Self.daemonProgram(), stateDirectory: absoluteStateDirectory, isDryRun: dryRun).run()
    try globals.report.show(outcome.leftovers, identifiers: outcome.leftovers.map(\.name)) {
      outcome.leftovers.isEmpty ? [] : Leftover.table(of: outcome.leftovers).lines()
    }
    if let message = outcome.messages.first { throw CommandFailure(.failed, "not removed: \(message)", hint: outcome.hint) }
    guard !outcome.leftovers.isEmpty else { return globals.report.remark("nothing is left behind") }
    if dryRun { throw CommandFailure(.failed, "\(outcome.leftovers.count) left behind", hint: "without --dry-run they are removed") }
  }

  private var absoluteStateDirectory: String {
    let path = globals.stateDirectory
    return path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
  }

  /// roostd, which is installed beside this program.
  private static func daemonProgram() throws(CommandFailure) -> String {
    do {
      let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      return URL(filePath: own).deletingLastPathComponent().appending(path: "roostd").path
    } catch {
      throw CommandFailure(.software, "cannot tell where this program is: \(error)")
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
