import FoundationEssentials

/// Prints one command's result in the form the person asked for.
struct Report: Sendable {
  var format: OutputFormat
  var isQuiet: Bool
  var terminal: Terminal

  init(format: OutputFormat, isQuiet: Bool, terminal: Terminal) {
    self.format = format
    self.isQuiet = isQuiet
    self.terminal = terminal
  }

  /// `--output json` prints `value`, `--quiet` the identifiers, one a line, and otherwise the lines of `table` appear.
  func show(_ value: some Encodable, identifiers: @autoclosure () -> [String], table: () -> [String]) throws(CommandFailure) {
    switch (format, isQuiet) {
    case (.json, _): terminal.print(try Report.json(value))
    case (.table, true): identifiers().forEach { terminal.print($0) }
    case (.table, false): table().forEach { terminal.print($0) }
    }
  }

  /// A remark for the person, unless they want none.
  func remark(_ line: String) {
    if !isQuiet { terminal.say(line) }
  }

  /// `value` as indented JSON with sorted keys, so that two runs can be compared.
  static func json(_ value: some Encodable) throws(CommandFailure) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      return String(decoding: try encoder.encode(value), as: UTF8.self)
    } catch {
      throw CommandFailure(.software, "cannot write the result as JSON: \(error)")
    }
  }
}
