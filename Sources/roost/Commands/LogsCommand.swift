import ArgumentParser
import FoundationEssentials
import FunctionModel

/// `roost logs NAME`
struct LogsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "Print a function's log.",
    discussion: """
      Each line has its time (UTC), where it came from (platform: written by the host) and the text; --quiet prints the text alone, as it was written. \
      With --follow, --output json prints one record a line.
      """)

  /// Between two looks when following: short enough to feel live, and nothing on the daemon's side.
  static let pause: Duration = .milliseconds(250)

  @Argument(help: ArgumentHelp("The function's name or ARN.", valueName: "name"))
  var name: String

  @Flag(name: .long, help: "Keep printing what comes, until interrupted.")
  var follow = false

  @Option(name: .shortAndLong, help: ArgumentHelp("How many of the latest lines (1–10000).", valueName: "n"))
  var limit = 100

  @OptionGroup var globals: GlobalOptions

  func validate() throws {
    guard (1...10_000).contains(limit) else { throw ValidationError("--limit takes 1 to 10000") }
  }

  func run() async throws {
    let (client, report) = (globals.client, globals.report)
    var page = try await client.logs(function: name, after: nil, limit: limit)
    guard follow else {
      return try report.show(page.records, identifiers: page.records.map(\.message)) { page.records.map(Self.line) }
    }
    while true {
      for record in page.records {
        switch (report.format, report.isQuiet) {
        case (.json, _): report.terminal.print(try Self.compactJSON(record))
        case (.table, true): report.terminal.print(record.message)
        case (.table, false): report.terminal.print(Self.line(record))
        }
      }
      if page.records.isEmpty { try await Task.sleep(for: Self.pause) }
      page = try await client.logs(function: name, after: page.cursor, limit: 1_000)
    }
  }

  /// The lines of a record after the first stand below its text.
  static func line(_ record: LogRecord) -> String {
    let source = record.source.rawValue
    let padding = String(repeating: " ", count: LogRecord.Source.longestName - source.count)
    let prefix = "\(Timestamp.text(milliseconds: record.timestamp / 1_000))  \(source)\(padding)  "
    return prefix + PrintableText.lines(record.message).joined(separator: "\n" + String(repeating: " ", count: prefix.count))
  }

  private static func compactJSON(_ record: LogRecord) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(record), as: UTF8.self)
  }
}
