import ArgumentParser
import FoundationEssentials

/// How results are written to stdout.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
  case table
  case json
}

/// The options every command takes.
struct GlobalOptions: ParsableArguments {
  @Option(
    name: .customLong("state-dir"),
    help: ArgumentHelp("The daemon's state directory (default: $ROOST_STATE_DIR, else /var/lib/roost).", valueName: "dir"),
    completion: .directory)
  var givenStateDirectory: String?

  @Option(help: ArgumentHelp("How to print results.", valueName: "format"))
  var output: OutputFormat = .table

  @Flag(name: .shortAndLong, help: "Print identifiers only, one a line, and no remarks.")
  var quiet = false

  init() {}

  /// `--state-dir`, else `ROOST_STATE_DIR`, else `/var/lib/roost`.
  var stateDirectory: String {
    givenStateDirectory ?? ProcessInfo.processInfo.environment["ROOST_STATE_DIR"] ?? "/var/lib/roost"
  }

  var client: AdminClient { AdminClient(socketPath: "\(stateDirectory)/run/admin.sock") }
  var report: Report { Report(format: output, isQuiet: quiet, terminal: .standard) }
}
