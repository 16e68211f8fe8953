/// Why a command did not do what it was asked: one line for the person, perhaps a hint, and the exit code.
struct CommandFailure: Error, Hashable {
  /// Exit codes of `roost`, from `sysexits.h` where it has a word for it. They are a contract: scripts branch on them.
  enum Status: Int32, Sendable {
    /// The function answered with an error, or a check of `roost doctor` failed.
    case failed = 1
    case notFound = 2
    case usage = 64
    /// No daemon answers.
    case unavailable = 69
    /// The daemon failed or answered what this program does not understand.
    case software = 70
    /// The result could not be written to stdout: the disk is full, say.
    case unwritable = 74
    /// A daemon runs where there must be none.
    case inUse = 75
    case notPermitted = 77
  }

  var status: Status
  var message: String
  var hint: String?

  init(_ status: Status, _ message: String, hint: String? = nil) {
    self.status = status
    self.message = message
    self.hint = hint
  }

  /// Writes it to stderr: `roost: …`, then `hint: …`.
  func tell(to terminal: Terminal) {
    terminal.say("roost: \(PrintableText.line(message))")
    if let hint { terminal.say("hint: \(hint)") }
  }
}
