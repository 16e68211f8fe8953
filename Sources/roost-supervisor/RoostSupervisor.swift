import ArgumentParser
import FunctionModel
import LinuxSystem
import Logging
import Scheduling

/// The unprivileged daemon. roostd starts it; by hand only `resolve-configuration` is of use.
@main
struct RoostSupervisor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "roostd",
    abstract: "Serve AWS Lambda's API on this host.",
    discussion: """
      Runs in the foreground, logs to standard error, and prints one line to standard output when it is ready. Every option is \
      also a key of the configuration file and a variable: --state-dir, state-dir, ROOST_STATE_DIR. Ends on SIGTERM.

      Exit status: 0 stopped as asked; 64 wrong usage; 67 no such user; 69 the address is taken or something the host must have is \
      missing; 70 an internal error; 71 the system refused; 75 another daemon uses the state directory; 77 not started by root; \
      78 wrong configuration.
      """,
    version: Version.text,
    subcommands: [Run.self, ResolveConfiguration.self],
    defaultSubcommand: Run.self)
}

/// Serves until it is told to stop or roostd is gone.
struct Run: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Serve. (default)", shouldDisplay: false)

  @OptionGroup var options: Options

  func run() async throws {
    let configuration = try resolved(options)
    LoggingSystem.bootstrap { label in
      var handler = StreamLogHandler.standardError(label: label)
      handler.logLevel = configuration.logLevel
      return handler
    }
    do {
      try await Supervisor(configuration).run()
    } catch let error as StartError {
      Logger(label: "roost").critical("\(error)")
      throw ExitCode(69)
    } catch {
      Logger(label: "roost").critical("\(error)")
      throw ExitCode(70)
    }
  }
}

/// Prints what roostd needs to know, as `key=value` lines, so that no configuration is parsed by root.
struct ResolveConfiguration: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resolve-configuration", abstract: "Print the configuration that roostd acts upon.", shouldDisplay: false)

  @OptionGroup var options: Options

  func run() throws {
    let configuration = try resolved(options)
    print("state-dir=\(configuration.stateDirectory)")
    print("runtimes-dir=\(configuration.runtimesDirectory)")
    print("uid-range=\(configuration.scheduling.userIDs.lowerBound)-\(configuration.scheduling.userIDs.upperBound)")
    print("sandbox-limit=\(configuration.sandboxLimit)")
    print("user=\(configuration.user)")
    for line in configuration.network.lines { print(line) }
    print("tmp-backend=\(configuration.temporaryBackend)")
    if let reserve = configuration.givenDiskReserve { print("disk-reserve=\(reserve)") }
    if let budget = configuration.givenDiskBudget { print("disk-budget=\(budget)") }
  }
}

private func resolved(_ options: Options) throws -> Configuration {
  do {
    return try Configuration.resolve(options)
  } catch {
    var lines = "roostd: \(error.message)\n"
    if let hint = error.hint { lines += "hint: \(hint)\n" }
    let standardError = Descriptor(owning: 2)
    _ = try standardError.write(Array(lines.utf8)[...])
    _ = standardError.release()
    throw ExitCode(78)
  }
}
