import Glibc
import LinuxSystem
import SpawnProtocol
import Testing

@testable import Spawning

/// The first call of each kind in each phase, a quarter of them all: for a machine on which everything takes 20 times as long.
private let isSampled = unsafe getenv("ROOST_FAULTS").map { unsafe String(cString: $0) } == "sampled"

extension HostRing {
  /// Every system call between the request for a sandbox and its removal fails once. The list is what the calls are, traced anew each time.
  @Suite struct Faults {
    @Test(arguments: FaultPhase.allCases)
    func `a call that fails is undone, told, and harms no later sandbox`(_ phase: FaultPhase) throws {
      let run = try FaultRun(phase)
      let calls = try run.survey()
      for name in phase.landmarks { #expect(calls.contains { $0.name.hasPrefix(name) }, "\(name) is not in the trace") }
      for call in calls where call.reasonToLeaveOut == nil {
        for occurrence in isSampled ? 1...1 : 1...call.count {
          if let problem = try run.inject(call, occurrence) { Issue.record("\(call) number \(occurrence): \(problem)") }
        }
      }
      print("\(phase): \(calls.reduce(0) { $0 + $1.count }) calls of \(calls.count) kinds")
      #expect(try run.finish())
    }
  }
}
