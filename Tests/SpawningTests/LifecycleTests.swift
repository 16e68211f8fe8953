import SpawnProtocol
import Testing

@testable import Spawning

@Suite struct SandboxLifecycleTests {
  private let id = SandboxID(7)
  private let failure = SpawnFailure(step: .pivotRoot, errno: 22)

  /// What the machine says to a series of inputs, the last answer only.
  private func last(_ inputs: SandboxLifecycle.Input...) -> [SandboxLifecycle.Action] {
    var lifecycle = SandboxLifecycle(id: id)
    return inputs.reduce([]) { _, input in lifecycle.handle(input) }
  }

  @Test func `a sandbox is started when its volume is there, mapped when it asks, handed over when it runs`() {
    #expect(last(.volumeArrived) == [.start])
    #expect(last(.volumeArrived, .mapsWanted) == [.writeMaps])
    #expect(last(.volumeArrived, .mapsWanted, .executed) == [.handOver])
    #expect(last(.volumeArrived, .executed, .processEnded) == [.answer(.exited(id))])
  }

  @Test func `what fails is removed before it is answered`() {
    let removed = [SandboxLifecycle.Action.remove(keepVolume: false, answers: [.failed(id, failure)])]
    #expect(last(.couldNotStart(failure)) == removed)
    #expect(last(.volumeArrived, .couldNotStart(failure)) == removed)
    #expect(last(.volumeArrived, .stepFailed(failure)) == [.kill])
    #expect(last(.volumeArrived, .stepFailed(failure), .processEnded) == removed)
    // The end of the socket, and a second thought, change nothing.
    #expect(last(.volumeArrived, .stepFailed(failure), .executed) == [])
    #expect(last(.volumeArrived, .stepFailed(failure), .stepFailed(.tooSlow), .processEnded) == removed)
  }

  @Test func `a child that vanishes is a failure`() {
    #expect(last(.volumeArrived, .processEnded) == [.remove(keepVolume: false, answers: [.failed(id, .childVanished)])])
  }

  @Test func `destroy is answered once, from every state`() {
    let destroyed = [SandboxLifecycle.Action.remove(keepVolume: true, answers: [.destroyed(id)])]
    let withdrawn = [SandboxLifecycle.Action.remove(keepVolume: true, answers: [.failed(id, .withdrawn), .destroyed(id)])]
    let destroy = SandboxLifecycle.Input.destroyRequested(keepVolume: true)
    #expect(last(destroy) == withdrawn)
    #expect(last(.volumeArrived, destroy) == [.kill])
    #expect(last(.volumeArrived, destroy, .processEnded) == withdrawn)
    #expect(last(.volumeArrived, .executed, destroy) == [.kill])
    #expect(last(.volumeArrived, .executed, destroy, .processEnded) == destroyed)
    #expect(last(.volumeArrived, .executed, .processEnded, destroy) == destroyed)
    #expect(last(.volumeArrived, .executed, .processEnded, destroy, destroy) == [])
  }

  @Test func `an abandoned sandbox is removed without a word`() {
    let silent = [SandboxLifecycle.Action.remove(keepVolume: false, answers: [])]
    #expect(last(.abandoned) == silent)
    #expect(last(.volumeArrived, .abandoned, .processEnded) == silent)
    #expect(last(.volumeArrived, .executed, .abandoned) == [.kill])
    #expect(last(.volumeArrived, .executed, .processEnded, .abandoned) == silent)
  }

  @Test func `no order of inputs removes twice or answers after the removal`() {
    let inputs: [SandboxLifecycle.Input] = [
      .volumeArrived, .couldNotStart(failure), .mapsWanted, .stepFailed(failure), .executed, .processEnded, .killRequested,
      .destroyRequested(keepVolume: false), .abandoned,
    ]
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2_000 {
      var lifecycle = SandboxLifecycle(id: id)
      var removals = 0
      for _ in 0..<12 {
        for action in lifecycle.handle(inputs.randomElement(using: &generator) ?? .abandoned) {
          #expect(removals == 0, "\(action) after the removal")
          if case .remove = action { removals += 1 }
        }
      }
    }
  }
}

@Suite struct HostSettingsTests {
  private let complete = "state-dir=/s\nruntimes-dir=/r\nuid-range=100000-165535\nvolume-pool=3\ncgroup-name=roost-1\n"

  @Test func `the lines of resolve-configuration are understood, unknown ones passed over`() throws {
    let settings = try HostSettings(parsing: complete + "some=thing\n")
    #expect(settings.stateDirectory == "/s" && settings.runtimesDirectory == "/r")
    #expect(settings.userIDs == 100_000...165_535)
    #expect(settings.volumePool == 3 && settings.controlGroupName == "roost-1")
    #expect(try HostSettings(parsing: "state-dir=/s\nruntimes-dir=/r\nuid-range=70000-70000").volumePool == 2)
  }

  @Test(arguments: [
    ("state-dir=/s", "state-dir=s"), ("state-dir=/s\n", ""), ("state-dir=/s", "state-dir=/s\nstate-dir=/t"), ("state-dir=/s", "nothing"),
    ("100000-165535", "0-65535"), ("100000-165535", "165535-100000"), ("100000-165535", "100000-4294967295"),
    ("100000-165535", "-1-5"), ("volume-pool=3", "volume-pool=-1"), ("volume-pool=3", "volume-pool=1000"),
    ("cgroup-name=roost-1", "cgroup-name=../x"), ("cgroup-name=roost-1", "cgroup-name=."), ("cgroup-name=roost-1", "cgroup-name="),
  ])
  func `what would lead outside is refused`(part: String, replacement: String) {
    var text = complete
    text.replace(part, with: replacement)
    #expect(text != complete)
    #expect(throws: HostSettings.Malformed.self) { try HostSettings(parsing: text) }
  }
}

@Suite struct SupervisorBackOffTests {
  @Test func `starts are spaced out to half a minute, and a minute of health forgives`() {
    var backOff = SupervisorBackOff()
    let delays = (0..<8).map { _ in backOff.delay(afterLife: .seconds(1)) }
    #expect(delays == [0, 1, 2, 4, 8, 16, 30, 30].map { .seconds($0) })
    #expect(backOff.delay(afterLife: .seconds(61)) == .zero)
    #expect(backOff.delay(afterLife: .zero) == .seconds(1))
  }
}
