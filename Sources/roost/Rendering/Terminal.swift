import Glibc
import LinuxSystem

/// Where a command writes: results to one stream, talk to the other.
struct Terminal: Sendable {
  var results: StandardStream
  var talk: StandardStream

  static let standard = Terminal(results: .output, talk: .error)

  /// A result line, to stdout.
  func print(_ line: String) { print(bytes: Array((line + "\n").utf8)) }

  /// A result as it is. When it cannot be written there is nothing left to do: the process ends, without a word if the reader went
  /// away on purpose (`roost logs f --follow | head`).
  func print(bytes: [UInt8]) {
    do {
      try results.write(bytes)
    } catch {
      if error.errno == EPIPE { exit(0) }
      say("roost: cannot write the result: \(error)")
      exit(CommandFailure.Status.unwritable.rawValue)
    }
  }

  /// A remark or an error, to stderr. Nobody can be told that it could not be told.
  func say(_ line: String) { try? talk.write(Array((line + "\n").utf8)) }
}
