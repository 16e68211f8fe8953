import FoundationEssentials
import Subprocess

/// What one run of the built `roost` left behind.
struct CommandRun: Sendable {
  var output: String
  var talk: String
  var code: Int32

  /// Runs the program that was built beside this test bundle, without a terminal.
  static func roost(_ arguments: [String], stateDirectory: String, input: String = "") async throws -> CommandRun {
    try await start(.name("roost"), arguments, stateDirectory: stateDirectory, input: input)
  }

  static func roost(_ arguments: String..., on daemon: FakeDaemon, input: String = "") async throws -> CommandRun {
    try await roost(arguments, stateDirectory: daemon.stateDirectory, input: input)
  }

  /// A line of bash that knows the program as `roost`.
  static func shell(_ line: String, on daemon: FakeDaemon) async throws -> CommandRun {
    try await start(.name("bash"), ["-c", line], stateDirectory: daemon.stateDirectory, input: "")
  }

  private static func start(
    _ executable: Executable, _ arguments: [String], stateDirectory: String, input: String
  ) async throws -> CommandRun {
    let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let folder = URL(filePath: bundle).deletingLastPathComponent().path
    let result = try await run(
      executable, arguments: .init(arguments),
      environment: .inherit.updating([
        "PATH": "\(folder):/usr/bin:/bin", "ROOST_STATE_DIR": stateDirectory, "COLUMNS": "100", "ROOST_RUNTIMES_DIR": nil,
      ]),
      input: .string(input), output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    let code: Int32 =
      switch result.terminationStatus {
      case .exited(let code): code
      case .signaled(let signal): 128 + signal
      }
    return CommandRun(output: result.standardOutput, talk: result.standardError, code: code)
  }
}
