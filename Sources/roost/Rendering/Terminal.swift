import LinuxSystem
import FoundationEssentials

/// Where a command writes: results to one stream, talk to the other.
struct Terminal: Sendable {
  var results: StandardStream
  var talk: StandardStream
  /// Whether results may carry colours: only for a person, and not against their wish (<https://no-color.org>).
  var hasColor: Bool

  static let standard = Terminal(
    results: .output, talk: .error,
    hasColor: StandardStream.output.isTerminal && ProcessInfo.processInfo.environment["NO_COLOR"]?.isEmpty != false)

  /// A result line, to stdout.
  func print(_ line: String) { print(bytes: Array((line + "\n").utf8)) }

  /// A result as it is. A reader that went away (`roost logs f | head`) is no failure worth a word.
  func print(bytes: [UInt8]) { _ = results.write(bytes) }

  /// A remark or an error, to stderr.
  func say(_ line: String) { _ = talk.write(Array((line + "\n").utf8)) }
}
