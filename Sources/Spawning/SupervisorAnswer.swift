import Glibc
import LinuxSystem

/// What a run of the supervisor's program wrote to its standard output until it ended: bounded in bytes and time, since it is not trusted.
struct SupervisorAnswer {
  private static let limit = 1 << 16

  /// Of its end; not 0 has no ``text``.
  let status: Int32
  let text: String?

  /// Runs it. Afterwards neither it nor what it started, as far as that stayed in its process group, is there.
  ///
  /// - Throws: ``RoostDaemon/Refusal`` when it writes too much or takes longer than `patience`; `SystemError`.
  init(
    program: String, arguments: [String], user: ServiceUser, in surroundings: SupervisorProcess.Surroundings, patience: Duration
  ) throws {
    let pipe = try Pipe(nonBlockingReadEnd: true)
    let process = try SupervisorProcess(
      program: program, arguments: arguments, user: user, in: surroundings, output: pipe.writeEnd.rawValue)
    let output = pipe.keepingReadEnd()
    do {
      let bytes = try Self.read(output, until: process, patience)
      status = try Self.end(process)
      text = status == 0 ? String(decoding: bytes, as: UTF8.self) : nil
    } catch {
      _ = try Self.end(process)
      guard let excess = error as? Excess else { throw error }
      throw RoostDaemon.Refusal(status: 69, message: "\(program) \(arguments[0]) \(excess)", hint: "is it of this release?")
    }
  }

  private enum Excess: Error, CustomStringConvertible {
    case tooMuch
    case tooSlow(Duration)

    var description: String {
      switch self {
      case .tooMuch: "writes more than \(SupervisorAnswer.limit) bytes"
      case .tooSlow(let patience): "takes longer than \(patience)"
      }
    }
  }

  /// Until the process has ended: its descendants may hold the other end for ever.
  private static func read(_ output: borrowing Descriptor, until process: SupervisorProcess, _ patience: Duration) throws -> [UInt8] {
    enum Token: UInt64 { case output, end }
    let poller = try Poller()
    try poller.add(output.rawValue, for: .readable, token: Token.output.rawValue)
    try poller.add(process.handle.descriptor.rawValue, for: .readable, token: Token.end.rawValue)
    let deadline = ContinuousClock.now + patience
    var bytes: [UInt8] = []
    var isOpen = true
    while true {
      let events = try poller.wait(timeout: ContinuousClock.now.duration(to: deadline))
      // Looked at before the pipe: what is written before the end is in there.
      let hasEnded = events.contains { $0.token == Token.end.rawValue }
      while isOpen {
        guard bytes.count <= limit else { throw Excess.tooMuch }
        let outcome = try output.read(into: &bytes, upTo: limit + 1 - bytes.count)
        if outcome == .wouldBlock { break }
        guard outcome == .endOfFile else { continue }
        isOpen = false
        try poller.remove(output.rawValue)
      }
      if hasEnded { return bytes }
      guard ContinuousClock.now < deadline else { throw Excess.tooSlow(patience) }
    }
  }

  /// The group has the number of its leader, which is its own until that is reaped.
  private static func end(_ process: SupervisorProcess) throws(SystemError) -> Int32 {
    if kill(-process.handle.processID, SIGKILL) < 0 && errno != ESRCH {
      throw SystemError(call: "kill", object: "process group \(process.handle.processID)", errno: errno)
    }
    let poller = try Poller()
    try poller.add(process.handle.descriptor.rawValue, for: .readable, token: 0)
    while true {
      if let status = try process.handle.reap() { return status }
      _ = try poller.wait()
    }
  }
}

extension Pipe {
  /// Closes the write end, so that the other side's end of file is seen.
  fileprivate consuming func keepingReadEnd() -> Descriptor { readEnd }
}
