// roost: the administrator's command line. It talks HTTP to the running daemon over <state-dir>/run/admin.sock; the kernel tells the
// daemon who calls. One verb per file in Commands/; results go to stdout, everything said about them to stderr.

import ArgumentParser

/// `roost`, the root of all verbs.
@main
struct RoostCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "roost",
    abstract: "Watch and manage the functions and sandboxes of this host.",
    discussion: """
      Exit codes: 0 done; 1 the function answered with an error, or a check failed; 2 not found; 64 wrong usage or refused input; \
      69 no daemon answers; 70 the daemon failed; 74 the result could not be written; 75 a daemon runs and must not; \
      77 not permitted.
      """,
    subcommands: [
      FunctionsCommand.self, LayersCommand.self, InvokeCommand.self, EnvironmentsCommand.self, InspectCommand.self,
      StopCommand.self, InvocationsCommand.self, LogsCommand.self, DoctorCommand.self, AuditCommand.self, VersionCommand.self,
    ])

  @OptionGroup var globals: GlobalOptions

  init() {}

  static func main() async {
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch let failure as CommandFailure {
      failure.tell(to: Terminal.standard)
      exit(withError: ExitCode(failure.status.rawValue))
    } catch {
      leave(after: error)
    }
  }

  /// Help and completions leave as ArgumentParser prints them; a wrong command line becomes one line and a hint, as every other failure.
  private static func leave(after error: any Error) -> Never {
    let code = exitCode(for: error)
    if code != .validationFailure { exit(withError: error) }
    let usage = fullMessage(for: error).split(separator: "\n").first { $0.hasPrefix("Usage: ") }
    let hint = usage.map { "usage: " + $0.dropFirst("Usage: ".count) } ?? "roost help lists the commands"
    let failure = CommandFailure(.usage, message(for: error), hint: hint)
    failure.tell(to: Terminal.standard)
    exit(withError: ExitCode(failure.status.rawValue))
  }
}
