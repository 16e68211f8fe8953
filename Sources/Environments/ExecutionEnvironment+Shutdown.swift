package import FunctionModel
import Logging
import NIOCore
import RuntimeAPI
import Sandboxing

extension ExecutionEnvironment {
  /// Ends the environment. An invocation that runs is answered with a fault. Returns when nothing of it is left.
  ///
  /// - Parameter reason: for the journal: `idle`, `evicted`, `update`, `delete`, `stop`, `shutdown`, `credentials` (those it had end).
  package func stop(reason: String) async {
    endReason = endReason ?? reason
    if case .stop(let running) = machine.stop() {
      if let running { finish(running, fault: .stopped) }
      clearClock()
      await takeDown(keepVolume: false, reason: reason, tellingExtensions: .spindown)
    }
    guard !hasEnded else { return }
    await withCheckedContinuation { endWaiters.append($0) }
  }

  /// Lets extensions end in order, kills every process, closes the Runtime API, and has roostd remove the sandbox.
  func takeDown(keepVolume: Bool, reason: String?, tellingExtensions shutdownReason: ShutdownReason) async {
    endReason = endReason ?? reason
    expiration?.cancel()
    guard let sandbox else {
      // What roostd is still making is taken down when it arrives.
      if !isCreating { sandboxIsGone() }
      return
    }
    await shutDownPrograms(of: sandbox, shutdownReason)
    do { try sandbox.kill() } catch { host.logger.error("environment \(id): \(error)") }
    // What it wrote to its end belongs to what it was doing, not to what comes next.
    collectOutput()
    endFrames()
    let runtime = runtime
    self.sandbox = nil
    self.runtime = nil
    telemetrySink = nil
    generation += 1
    do { try await runtime?.close().get() } catch { host.logger.debug("environment \(id): \(error)") }
    await sandbox.destroy(keepVolume: keepVolume)
    times.used = Usage()
    sandboxIsGone()
  }

  /// After a reset the environment is available again; after a stop it is no more.
  func sandboxIsGone() {
    if machine.sandboxDestroyed() { return becomeAvailable() }
    guard case .stopped = machine.state, !hasEnded else { return }
    hasEnded = true
    defer {
      for waiter in endWaiters { waiter.resume() }
      endWaiters = []
    }
    host.spawner.release(volume)
    recordEnvironment()
    delegate.environmentEnded(self)
  }

  /// What `roost ps` shows.
  package func status() -> EnvironmentStatus {
    let usage = usage()
    return EnvironmentStatus(
      id: id, function: version.function, version: version.version, state: publicState, memorySize: version.memory,
      memoryUsed: sandbox.flatMap { try? $0.memoryUsed() },  // gone between the two looks: shown as none
      maxMemoryUsed: sandbox == nil ? nil : usage.maxMemory, cpuMicroseconds: usage.cpuMicroseconds, started: started,
      lastUsed: times.lastUsed, invocations: times.invocations, logStream: logStream, hostUserID: Int(hostUserID),
      hostProcessID: sandbox?.hostProcessID, currentRequestID: output.requestID, egress: host.networks.egress(of: version.network))
  }

  private var publicState: EnvironmentStatus.State {
    switch machine.state {
    case .new: .starting
    case .initializing: sandbox == nil ? .starting : .initializing
    case .idle: .frozen
    case .running: .running
    case .resetting, .reset: .reset
    case .stopping, .stopped: .stopping
    }
  }
}
