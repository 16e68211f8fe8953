import Glibc
import LinuxSystem
import SpawnProtocol

@testable import Spawning

/// One phase, again and again, with another fault each time.
final class FaultRun {
  private let phase: FaultPhase
  private let installation: Installation
  private var session: FaultSession
  /// No volume of it was made before.
  private var freshMegabytes: UInt32 = 512

  init(_ phase: FaultPhase) throws {
    self.phase = phase
    installation = try Installation()
    session = try FaultSession(installation)
  }

  /// What is called in every one of three undisturbed runs, in the order of first calls.
  func survey() throws -> [FaultCall] {
    var common: [FaultCall] = []
    for round in 0..<3 {
      var calls: [FaultCall] = []
      for line in try run("trace").0.split(separator: "\n") {
        let words = line.split(separator: " ").map(String.init)
        let call = FaultCall(thread: words[0], name: words[1])
        guard phase.includes(call) else { continue }
        if let index = calls.firstIndex(where: { $0.thread == call.thread && $0.name == call.name }) {
          calls[index].count += 1
        } else {
          calls.append(call)
        }
      }
      common =
        round == 0
        ? calls
        : common.compactMap { known in
          calls.first { $0.thread == known.thread && $0.name == known.name }.map {
            FaultCall(thread: known.thread, name: known.name, count: min($0.count, known.count))
          }
        }
    }
    return common
  }

  /// Has the call fail, and looks at all that follows from it; what was wrong then.
  func inject(_ call: FaultCall, _ occurrence: Int) throws -> String? {
    let verb = phase == .killing ? "kill" : "fail"
    let order = "\(verb) \(call.thread) \(call.name) \(occurrence) \(call.error)"
    // How often a thread is woken differs from run to run.
    for _ in 0..<3 {
      let (answer, outcome) = try run(order)
      let problem = try settle(after: outcome, isLast: occurrence == call.count)
      if answer == "missed" { continue }
      return try (problem ?? judge(outcome, of: call, occurrence)).map { "\(answer): \($0)" }
    }
    return "never came"
  }

  func finish() throws -> Bool {
    try session.end() == .code(0) && installation.traces().settled(installation) == Traces()
  }

  /// One sandbox, made and removed, with `order` standing for this phase of it: the injector's answer to that, and what became of it.
  private func run(_ order: String) throws -> (String, FaultSession.Outcome) {
    if phase == .removing {
      let outcome = try session.make()
      guard case .created(let id, _) = outcome else { return ("", outcome) }
      _ = try session.order(order)
      let isHeard = try session.remove(id)
      // Beside and after the answer the workshop takes the volume down.
      _ = try session.leftovers()
      return (try session.order("stop"), isHeard ? outcome : .supervisorLost)
    }
    if phase == .firstOfItsSize { freshMegabytes += 1 }
    _ = try session.order(order)
    let outcome = try session.make(volumeMegabytes: freshMegabytes)
    let answer = try session.order("stop")
    if case .created(let id, let sandbox) = outcome {
      // One that was killed when its listener was there already was made, and has ended.
      if phase == .killing, answer.hasPrefix("delivered") { _ = try sandbox.ends() }
      _ = try session.remove(id)
    }
    return (answer, outcome)
  }

  private func judge(_ outcome: FaultSession.Outcome, of call: FaultCall, _ occurrence: Int) throws -> String? {
    switch outcome {
    case .failed(let failure):
      let expected = phase == .killing ? SpawnFailure.childVanished.errno : call.error
      return failure.errno == expected ? nil : "told as \(failure)"
    case .created(_, let sandbox):
      let isRight = phase == .killing ? try sandbox.ends() : phase == .removing || call.reasonToSucceed(at: occurrence) != nil
      return isRight ? nil : "made nevertheless"
    case .supervisorLost: return call.reasonToEndSupervisor == nil ? "the supervisor was ended" : nil
    }
  }

  /// Nothing is left, and the same roostd makes the next sandbox: tried after the last fault of a kind.
  private func settle(after outcome: FaultSession.Outcome, isLast: Bool) throws -> String? {
    let isLost = if case .supervisorLost = outcome { true } else { false }
    if isLost { try session.replaceSupervisor() }
    if isLost || isLast { try session.makeAndRemove() }
    let leftovers = try session.leftovers()
    if isLost || leftovers != nil {
      // The next supervisor would be a second late, and later each time.
      _ = try session.end()
      session = try FaultSession(installation)
    }
    return leftovers
  }
}
