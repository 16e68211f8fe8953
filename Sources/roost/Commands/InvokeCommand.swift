import ArgumentParser
import FoundationEssentials
import FunctionModel
import LinuxSystem
import NIOHTTP1

/// `roost invoke NAME`
struct InvokeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "invoke", abstract: "Call a function and print its answer.",
    discussion: """
      The answer goes to stdout as the function gave it, the log tail to stderr. Exit code 1 says that the function answered with an error.
      """)

  @Argument(help: ArgumentHelp("The function's name or ARN.", valueName: "name"))
  var name: String

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The event: JSON, @FILE, or - for stdin.", valueName: "json|@file|-"), completion: .file())
  var payload = "{}"

  @Flag(name: .shortAndLong, help: "Print the last 4 KB of the invocation's log, ending in its REPORT line.")
  var log = false

  @OptionGroup var globals: GlobalOptions

  func run() async throws {
    let (client, terminal) = (globals.client, globals.report.terminal)
    let response = try await client.invoke(name, payload: try Self.bytes(of: payload), wantsLog: log)
    terminal.print(bytes: response.body + [UInt8(ascii: "\n")])
    if log, let tail = response.headers.first(name: "X-Amz-Log-Result").flatMap({ Data(base64Encoded: $0) }) {
      let text = String(decoding: tail, as: UTF8.self)
      for line in PrintableText.lines(text) where !line.isEmpty { terminal.say(line) }
    }
    if let kind = response.headers.first(name: "X-Amz-Function-Error") {
      throw CommandFailure(
        .failed, "\(name) answered with an error (\(kind))",
        hint: log ? nil : "roost invoke \(name) --log   or   roost logs \(name)   shows what it wrote")
    }
  }

  static func bytes(of payload: String) throws(CommandFailure) -> [UInt8] {
    if payload == "-" {
      do {
        return try StandardStream.input.read(limit: Limits.synchronousPayloadBytes)
      } catch {
        throw CommandFailure(.usage, "cannot read the payload: \(error)")
      }
    }
    return payload.hasPrefix("@") ? try LocalFile.bytes(at: String(payload.dropFirst())) : Array(payload.utf8)
  }
}
