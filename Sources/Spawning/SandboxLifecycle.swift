package import SpawnProtocol

/// The life of one sandbox in roostd, as a pure machine: takes what happened, answers what to do.
package struct SandboxLifecycle: ~Copyable {
  package enum State: Hashable, Sendable {
    case awaitingVolume
    /// Cloned; works through its steps.
    case settingUp
    /// A step failed; waits for the end of the process.
    case failing(SpawnFailure)
    /// roost-init runs, and the supervisor has the descriptors.
    case running
    /// PID 1 has ended; the control groups are still there.
    case ended
    /// To be destroyed; waits for the end of the process.
    case ending(keepVolume: Bool, answers: [SpawnEvent])
    /// Being removed, or removed.
    case gone
  }

  package enum Input: Hashable, Sendable {
    case volumeArrived
    /// No process was made, or none will be.
    case couldNotStart(SpawnFailure)
    /// The child's mounts stand, its user namespace awaits its maps.
    case mapsWanted
    case stepFailed(SpawnFailure)
    /// The set-up socket is closed: execve.
    case executed
    case processEnded
    case killRequested
    case destroyRequested(keepVolume: Bool)
    /// The supervisor is gone; nobody hears an answer.
    case abandoned
  }

  package enum Action: Hashable, Sendable {
    case start
    case writeMaps
    case handOver
    case kill
    case answer(SpawnEvent)
    /// Control groups and volume; then the answers.
    case remove(keepVolume: Bool, answers: [SpawnEvent])
  }

  package let id: SandboxID
  package private(set) var state = State.awaitingVolume

  package init(id: SandboxID) { self.id = id }

  package mutating func handle(_ input: Input) -> [Action] {
    switch state {
    case .awaitingVolume: handleWithoutProcess(input)
    case .settingUp: handleInSetUp(input)
    case .failing(let failure): handleFailing(input, failure)
    case .running: handleRunning(input)
    case .ended: handleEnded(input)
    case .ending(let keepVolume, let answers):
      input == .processEnded ? remove(keepVolume: keepVolume, answers: answers) : []
    case .gone: []
    }
  }

  private mutating func handleWithoutProcess(_ input: Input) -> [Action] {
    switch input {
    case .volumeArrived:
      state = .settingUp
      return [.start]
    case .couldNotStart(let failure): return remove(answers: [.failed(id, failure)])
    case .destroyRequested(let keepVolume):
      return remove(keepVolume: keepVolume, answers: [.failed(id, .withdrawn), .destroyed(id)])
    case .abandoned: return remove(answers: [])
    case .mapsWanted, .stepFailed, .executed, .processEnded, .killRequested: return []
    }
  }

  private mutating func handleInSetUp(_ input: Input) -> [Action] {
    switch input {
    case .couldNotStart(let failure): return remove(answers: [.failed(id, failure)])
    case .mapsWanted: return [.writeMaps]
    case .stepFailed(let failure):
      state = .failing(failure)
      return [.kill]
    case .executed:
      state = .running
      return [.handOver]
    // Killed from outside, since it would have told of a failure.
    case .processEnded: return remove(answers: [.failed(id, .childVanished)])
    case .killRequested: return [.kill]
    case .destroyRequested(let keepVolume):
      return end(keepVolume: keepVolume, answers: [.failed(id, .withdrawn), .destroyed(id)])
    case .abandoned: return end(keepVolume: false, answers: [])
    case .volumeArrived: return []
    }
  }

  private mutating func handleFailing(_ input: Input, _ failure: SpawnFailure) -> [Action] {
    switch input {
    case .processEnded: return remove(answers: [.failed(id, failure)])
    case .destroyRequested(let keepVolume):
      state = .ending(keepVolume: keepVolume, answers: [.failed(id, failure), .destroyed(id)])
      return []
    case .volumeArrived, .couldNotStart, .mapsWanted, .stepFailed, .executed, .killRequested, .abandoned: return []
    }
  }

  private mutating func handleRunning(_ input: Input) -> [Action] {
    switch input {
    case .processEnded:
      state = .ended
      return [.answer(.exited(id))]
    case .killRequested: return [.kill]
    case .destroyRequested(let keepVolume): return end(keepVolume: keepVolume, answers: [.destroyed(id)])
    case .abandoned: return end(keepVolume: false, answers: [])
    // A failed hand-over.
    case .stepFailed(let failure):
      state = .failing(failure)
      return [.kill]
    case .volumeArrived, .couldNotStart, .mapsWanted, .executed: return []
    }
  }

  private mutating func handleEnded(_ input: Input) -> [Action] {
    switch input {
    case .destroyRequested(let keepVolume): return remove(keepVolume: keepVolume, answers: [.destroyed(id)])
    case .abandoned: return remove(answers: [])
    case .volumeArrived, .couldNotStart, .mapsWanted, .stepFailed, .executed, .processEnded, .killRequested: return []
    }
  }

  private mutating func end(keepVolume: Bool, answers: [SpawnEvent]) -> [Action] {
    state = .ending(keepVolume: keepVolume, answers: answers)
    return [.kill]
  }

  private mutating func remove(keepVolume: Bool = false, answers: [SpawnEvent]) -> [Action] {
    state = .gone
    return [.remove(keepVolume: keepVolume, answers: answers)]
  }
}

extension SpawnFailure {
  /// Destroyed before it was made: ECANCELED.
  package static let withdrawn = SpawnFailure(step: .refused, errno: 125)
  /// The child ended without a word: ESRCH.
  package static let childVanished = SpawnFailure(step: .handshake, errno: 3)
  /// The child did not finish its steps in time: ETIMEDOUT.
  package static let tooSlow = SpawnFailure(step: .handshake, errno: 110)
}
