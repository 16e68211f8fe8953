import FoundationEssentials
import LinuxSystem

/// A run of `roostd --clean`: removing what is left of sandboxes takes root and the knowledge of what roostd makes, so roostd does it.
struct Cleaning {
  var program: String
  var stateDirectory: String
  var isDryRun: Bool

  /// What it wrote, in two kinds of lines: `kind TAB name TAB detail`, and what it says to people.
  struct Outcome: Equatable {
    var leftovers: [Leftover] = []
    var messages: [String] = []
    var hint: String?

    init(parsing text: String, isDryRun: Bool) {
      for line in text.split(separator: "\n") {
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        if fields.count == 3 {
          leftovers.append(Leftover(kind: fields[0], name: fields[1], detail: fields[2], removed: !isDryRun))
        } else if line.hasPrefix("hint: ") {
          hint = String(line.dropFirst("hint: ".count))
        } else {
          messages.append(String(line.trimmingPrefix("roostd: ")))
        }
      }
    }
  }

  /// What was found and removed.
  ///
  /// - Throws: what kept roostd from doing it.
  func run() throws(CommandFailure) -> Outcome {
    let (status, text) = try output()
    let outcome = Outcome(parsing: text, isDryRun: isDryRun)
    // 1: something is there, or could not be removed, and it says what; the caller says so when it has shown the rest.
    guard status == 0 || status == 1 && !(outcome.leftovers.isEmpty && outcome.messages.isEmpty) else {
      throw CommandFailure(Self.status(of: status), outcome.messages.first ?? "roostd ended with status \(status)", hint: outcome.hint)
    }
    return outcome
  }

  private func output() throws(CommandFailure) -> (status: Int32, text: String) {
    guard FileManager.default.isExecutableFile(atPath: program) else {
      throw CommandFailure(.unavailable, "\(program) is missing", hint: "it belongs beside roost")
    }
    do {
      let pipe = try Pipe()
      let arguments = ["--clean", "--state-dir", stateDirectory] + (isDryRun ? ["--dry-run"] : [])
      let process = try ChildProcess(
        program: program, arguments: arguments, environment: Self.environment, output: pipe.writeEnd.rawValue)
      let bytes = try pipe.keepingReadEnd().readAll(limit: 1 << 24)
      switch try process.wait() {
      case .code(let code): return (code, String(decoding: bytes, as: UTF8.self))
      case .signal(let number): throw CommandFailure(.software, "roostd was ended by signal \(number)")
      case nil: throw CommandFailure(.software, "roostd does not end")
      }
    } catch let failure as CommandFailure {
      throw failure
    } catch {
      throw CommandFailure(.software, "\(error)")
    }
  }

  /// What may configure roostd; the rest of ours is no business of a program of root's.
  private static var environment: [String] {
    let own = ProcessInfo.processInfo.environment.filter { $0.key.hasPrefix("ROOST_") }.map { "\($0.key)=\($0.value)" }
    return ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"] + own.sorted()
  }

  private static func status(of code: Int32) -> CommandFailure.Status {
    switch code {
    case 64, 67, 78: .usage
    case 69: .unavailable
    case 75: .inUse
    case 77: .notPermitted
    default: .software
    }
  }
}

extension Pipe {
  /// Closes the write end, so that the other side's end of file is seen.
  fileprivate consuming func keepingReadEnd() -> Descriptor { readEnd }
}
