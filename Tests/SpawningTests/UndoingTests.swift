import Glibc
import LinuxSystem
import SpawnProtocol
import Testing

@testable import Spawning

extension HostRing {
  @Suite struct Undoing {
    @Test func `what a request may not ask for is refused`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let sandbox = try session.create(1, installation.recipe(0))
      func answer(_ number: UInt64, _ recipe: SandboxRecipe) throws -> SpawnEvent {
        try session.send(.create(SandboxID(number), recipe))
        return try session.next().event
      }
      func refused(_ number: UInt64, _ errno: Int32) -> SpawnEvent {
        .failed(SandboxID(number), SpawnFailure(step: .refused, errno: errno))
      }
      #expect(try answer(1, installation.recipe(1)) == refused(1, EEXIST))
      var recipe = installation.recipe(1)
      recipe.hostUserID = installation.userIDs.upperBound + 1
      #expect(try answer(2, recipe) == refused(2, EPERM))
      recipe = installation.recipe(1)
      recipe.hostUserID = installation.recipe(0).hostUserID
      #expect(try answer(2, recipe) == refused(2, EBUSY))
      recipe = installation.recipe(1)
      recipe.volume = installation.recipe(0).volume
      #expect(try answer(2, recipe) == refused(2, EBUSY))
      withExtendedLifetime(sandbox) {}
      try session.destroy(1)
    }

    @Test func `a step that fails is named with its errno, and leaves nothing`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      let before = try installation.tracesOfPool()
      #expect(before == Traces(loopDevices: 1))
      func failure(_ change: (inout SandboxRecipe) -> Void) throws -> SpawnEvent {
        var recipe = installation.recipe()
        change(&recipe)
        try session.send(.create(SandboxID(9), recipe))
        return try session.next().event
      }
      func failed(_ step: SpawnStep, _ errno: Int32) -> SpawnEvent { .failed(SandboxID(9), SpawnFailure(step: step, errno: errno)) }
      #expect(try failure { $0.runtime = "none" } == failed(.openRuntime, ENOENT))
      #expect(try failure { $0.code = Array(repeating: 9, count: 32) } == failed(.openCode, ENOENT))
      #expect(try failure { $0.layers = [Array(repeating: 9, count: 32)] } == failed(.openLayer, ENOENT))
      #expect(unsafe chown("\(installation.runtimesDirectory)/test1", 65_534, 0) == 0)
      #expect(try failure { _ in } == failed(.openRuntime, EPERM), "an image that is not root's")
      #expect(unsafe chown("\(installation.runtimesDirectory)/test1", 0, 0) == 0)
      // A step of the child: the image has no place for /proc, or a link there.
      try installation.replaceProc(with: nil)
      #expect(try failure { _ in } == failed(.mountProcess, ENOENT))
      try installation.replaceProc(with: "/tmp")
      #expect(try failure { _ in } == failed(.mountProcess, ELOOP))
      #expect(try installation.tracesOfPool() == before)
      session.end()
      #expect(try installation.traces().settled(installation) == Traces())
    }

    @Test func `runtimes that others than root could have put there are refused`() throws {
      let installation = try Installation()
      let runtimes = installation.runtimesDirectory
      #expect(unsafe chmod(runtimes, 0o775) == 0)
      #expect(throws: SpawnerSession.Ended.self) { _ = try SpawnerSession(installation) }
      // A link is as good as the directory that it lies in.
      #expect(unsafe chmod(runtimes, 0o755) == 0 && rename(runtimes, "\(runtimes)-real") == 0)
      #expect(unsafe symlink("\(runtimes)-real", runtimes) == 0)
      try SpawnerSession(installation).end()
      #expect(unsafe chown(installation.path, 65_534, 65_534) == 0)
      #expect(throws: SpawnerSession.Ended.self) { _ = try SpawnerSession(installation) }
    }

    @Test func `a destroyed sandbox leaves nothing`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      let before = try installation.tracesOfPool()
      #expect(before == Traces(loopDevices: 1))
      let sandbox = try session.create(1, installation.recipe())
      _ = try sandbox.start(["fork-and-leave", "wait"])
      // It is started, and may not have forked yet.
      #expect(try installation.traces().settled(installation) { $0.processes == 3 }.processes == 3)
      try session.destroy(1)
      #expect(try installation.tracesOfPool() == before)
      #expect(try sandbox.ends())
      session.end()
    }

    @Test func `a supervisor that goes takes its sandboxes and kept volumes with it`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      _ = try session.probe("keep", recipe: installation.recipe(0), keepVolume: true)
      let sandbox = try session.create(1, installation.recipe(1))
      _ = try sandbox.start(["wait"])
      try session.send(.create(SandboxID(2), installation.recipe(2)))
      session.end()
      #expect(try installation.traces().settled(installation) == Traces())
    }
  }
}

extension Installation {
  /// Traces once the pool has its one ready volume, and the dropped ones and the one that was made to see what the host can are gone: that
  /// happens beside the answers.
  func tracesOfPool() throws -> Traces {
    try traces().settled(self) { $0 == Traces(loopDevices: 1) }
  }

  func replaceProc(with target: String?) throws {
    let proc = "\(runtimesDirectory)/test1/proc"
    _ = unsafe rmdir(proc)
    if let target { #expect(unsafe symlink(target, proc) == 0) }
  }
}

extension Traces {
  /// Looks again until `isSettled`, at most for five seconds: the kernel frees loop devices after the last unmount, on its own time.
  func settled(_ installation: Installation, _ isSettled: (Traces) -> Bool = { $0 == Traces() }) throws -> Traces {
    let deadline = ContinuousClock.now + .limit(5)
    let poller = try Poller()
    var latest = self
    while !isSettled(latest) && ContinuousClock.now < deadline {
      _ = try poller.wait(timeout: .milliseconds(10))
      latest = try installation.traces()
    }
    return latest
  }
}
