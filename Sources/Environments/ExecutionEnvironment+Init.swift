import FunctionModel
import Logging
import NIOCore
import RuntimeAPI
import Sandboxing
import SpawnProtocol

// Init: a sandbox is made, its Runtime API served, its extensions and then its runtime started. Init is over when all have asked for an
// event.
extension ExecutionEnvironment {
  /// Makes a sandbox and starts the runtime in it. How it goes on is told by the runtime, the sandbox or the clock.
  func bringUp() async {
    // A stop may have come first.
    guard case .initializing = machine.state else { return }
    generation += 1
    runtimeHasEnded = false
    let generation = generation
    times.bringUpBegan = .now()
    let sandbox: Sandbox
    isCreating = true
    do {
      let plan = try SandboxPlan(version: version, hostUserID: hostUserID, volume: volume, networks: host.networks)
      sandbox = try await host.spawner.create(plan)
    } catch {
      isCreating = false
      return await hostFailed("sandbox for \(version.function.name): \(error)", generation: generation)
    }
    guard isBringingUp(generation) else {
      // Stopped or timed out while roostd worked. It counts as being made until it is gone: its uid and volume are taken.
      await sandbox.destroy(keepVolume: isResetting)
      isCreating = false
      return sandboxIsGone()
    }
    isCreating = false
    self.sandbox = sandbox
    times.sandboxCreate = .now() - times.bringUpBegan
    do {
      try await serve(sandbox, generation: generation)
    } catch let fault as RoleCredentialFault {
      await hostFailed("no credentials for \(version.function.name): \(fault)", generation: generation)
    } catch {
      await hostFailed("sandbox for \(version.function.name): \(error)", generation: generation)
    }
  }

  /// Serves the Runtime API at the sandbox's listener and starts its programs.
  private func serve(_ sandbox: Sandbox, generation: Int) async throws {
    // Before the clocks of the init phase, which are the function's.
    let credentials = try await fetchCredentials()
    guard isBringingUp(generation) else { return }
    willExpire(with: credentials)
    guard let listener = sandbox.takeListener() else { preconditionFailure("a new sandbox has its listener") }
    let extensions = try ExternalExtensions.names(of: version, artifacts: host.artifacts)
    let peer = RuntimePeer(environment: self, generation: generation)
    let runtime = try await RuntimeAPIServer.serve(
      listener: listener, on: eventLoop, delegate: peer,
      function: RegisteredFunction(
        name: version.function.name, version: version.version, handler: version.handler, account: version.function.owner.account,
        externalExtensions: extensions,
        metadata: EnvironmentMetadata(token: metadataToken, availabilityZoneID: host.availabilityZoneID)),
      subscribers: { [eventLoop] port in
        eventLoop.makeFutureWithTask { try await sandbox.connect(toPort: UInt16(port)) }
      },
      logger: host.logger
    ).get()
    guard isBringingUp(generation) else {
      try await runtime.close().get()
      return
    }
    self.runtime = runtime
    telemetrySink = { runtime.record($0) }
    try sandbox.observe { [weak self, eventLoop] event in
      eventLoop.execute { [weak self] in self?.assumeIsolated { $0.sandboxTold(event, generation: generation) } }
    }
    times.initBegan = .now()
    guard let image = host.images[version.runtime] else { return fault(.invalidEntrypoint) }
    guard case .initializing(let running, _) = machine.state else { return }
    tellInitStart((image.version, runtimeARN(image)), running: running)
    if running == nil {
      if credentials == nil { logFault("NO_CREDENTIALS: this host's configuration has none for \(version.role)") }
      setClock(.now() + TimeAmount(Limits.initPhase)) { $0.fault(.initTimedOut) }
    }
    guard let entrypoint = host.images.entrypoint(for: version, artifacts: host.artifacts) else {
      return fault(.invalidEntrypoint)
    }
    try startPrograms(
      Launch(
        version: version, image: image, entrypoint: entrypoint, logStream: logStream, metadataToken: metadataToken, credentials: credentials
      ), extensions,
      in: sandbox)
  }

  /// Whether the sandbox numbered `generation` is still wanted.
  private func isBringingUp(_ generation: Int) -> Bool {
    guard generation == self.generation, case .initializing = machine.state else { return false }
    return true
  }

  private var isResetting: Bool {
    guard case .resetting = machine.state else { return false }
    return true
  }

  private func runtimeARN(_ image: RuntimeImage) -> String {
    "arn:aws:lambda:\(version.function.owner.region)::runtime:\(image.tree?.hexadecimal ?? image.runtime)"
  }

  /// The host could not do its part: nothing of the function is to blame, and the environment ends.
  func hostFailed(_ reason: String, generation: Int) async {
    guard generation == self.generation else { return }
    host.logger.error("environment \(id): \(reason)")
    clearClock()
    if case .stop(let running) = machine.stop() {
      running?.invocation.completion(.hostFault(reason))
      if running == nil { delegate.environment(self, couldNotStart: reason) }
    }
    await takeDown(keepVolume: false, reason: "failure", tellingExtensions: .failure)
  }

  /// The init phase is over: the burst of CPU ends with it.
  func initialized() {
    clearClock()
    times.initialization = .now() - times.initBegan
    times.initPhaseSucceeded = true
    times.used = usage()
    tellInitEnd(phase: .initialization, fault: nil, duration: times.initialization)
    endSubscription()
    limitCPU()
    recordEnvironment()
    becomeAvailable()
  }

  /// Init repeated inside an invoke is over; its event follows under what is left of the deadline.
  func initializedInsideInvoke(_ running: RunningInvocation) {
    var running = running
    running.repeatedInit = .now() - times.initBegan
    running.repeatedSandbox = times.sandboxCreate
    tellInitEnd(phase: .invoke, fault: nil, duration: running.repeatedInit)
    endSubscription()
    machine.noteRepeatedInit(running)
    limitCPU()
    deliver(running)
  }

  private func limitCPU() {
    do {
      try sandbox?.limitCPU(to: CPUShare(memory: version.memory, hostCPUs: host.cpus))
    } catch {
      host.logger.error("environment \(id): \(error)")
    }
  }
}

/// Hears one sandbox's runtime on behalf of its environment, and is deaf once the environment has another.
final class RuntimePeer: RuntimeAPIDelegate {
  private weak let environment: ExecutionEnvironment?
  private let generation: Int

  init(environment: ExecutionEnvironment, generation: Int) {
    self.environment = environment
    self.generation = generation
  }

  func runtimeIsReady() {
    environment?.assumeIsolated { [generation] in $0.runtimeIsReady(generation) }
  }

  func runtimeAnswered(_ answer: RuntimeAnswer) {
    environment?.assumeIsolated { [generation] in $0.runtimeAnswered(answer, generation) }
  }

  func runtimeStreamed(_ part: ByteBuffer, contentType: String?) -> Bool {
    environment?.assumeIsolated { [generation] in $0.runtimeStreamed(part, contentType, generation) } ?? true
  }

  func runtimeFailedToInitialize(_ error: RuntimeInitError) {
    environment?.assumeIsolated { [generation] in
      if $0.generation == generation { $0.fault(.initError(payload: error.payload, type: error.type)) }
    }
  }

  func extensionTold(_ notice: ExtensionNotice) {
    environment?.assumeIsolated { [generation] in $0.extensionTold(notice, generation) }
  }
}
