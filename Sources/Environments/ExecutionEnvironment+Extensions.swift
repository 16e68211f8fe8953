import FunctionModel
import Logging
import NIOCore
import RuntimeAPI
import Sandboxing
import SpawnProtocol

/// The programs of one sandbox. External extensions have the numbers from 1 on, in the order of their names.
struct Programs {
  /// Base names of the external extensions.
  var extensions: [String] = []
  /// What the programs write.
  var outputs: [OutputStream] = [.standardOutput, .standardError, .logChannel]
  /// What waits for all of them to have registered.
  var runtime: Launch?
  /// Started, and not known to have ended.
  var running: Set<ProgramNumber> = []
  /// Who waits for the end of some.
  var waits: [Wait] = []

  struct Wait {
    var programs: Set<ProgramNumber>
    var clock: Scheduled<Void>
    var continuation: CheckedContinuation<Void, Never>
  }

  func number(of name: String) -> ProgramNumber? {
    extensions.firstIndex(of: name).map { ProgramNumber.extensions[$0] }
  }

  /// Takes out the waits that this ends.
  mutating func ended(_ program: ProgramNumber) -> [Wait] {
    running.remove(program)
    let (stillRunning, all) = (running, waits)
    waits = all.filter { !$0.programs.isDisjoint(with: stillRunning) }
    return all.filter { $0.programs.isDisjoint(with: stillRunning) }
  }

  /// As the log names it.
  func name(of program: ProgramNumber) -> String {
    program == .runtime ? "runtime" : extensions[Int(program.rawValue) - 1]
  }
}

// External extensions start before the runtime, and init and invocations are over when all have asked for their next event.
extension ExecutionEnvironment {
  func startPrograms(_ launch: Launch, _ extensions: [String], in sandbox: Sandbox) throws {
    programs = Programs()
    guard extensions.count <= ProgramNumber.extensions.count else { return fault(.extension(.tooMany(extensions.count))) }
    programs.extensions = extensions
    programs.runtime = launch
    for (name, number) in zip(extensions, ProgramNumber.extensions) {
      splitters[.extension(number)] = LineSplitter()
      programs.outputs.append(.extension(number))
      try sandbox.startExtension(launch.extension(name), as: number)
      programs.running.insert(number)
    }
    if extensions.isEmpty { try startRuntime(in: sandbox) }
  }

  private func startRuntime(in sandbox: Sandbox) throws {
    guard let launch = programs.runtime else { return }
    programs.runtime = nil
    try sandbox.startRuntime(launch)
    programs.running.insert(.runtime)
  }

  func extensionTold(_ notice: ExtensionNotice, _ generation: Int) {
    guard generation == self.generation, let runtime else { return }
    switch notice {
    case .registered: startRuntimeIfAllRegistered(runtime)
    case .ready(let name): extensionIsReady(name, runtime)
    case .failed(let name, let errorType, let sent):
      tellExtension(name, errorType == "Extension.InitError" ? "InitError" : "ExitError", errorType: sent)
      fault(.extension(.failed(type: errorType, sent: sent)))
    case .subscribed(let subscription, let isToLogs): tellSubscription(subscription, isToLogs: isToLogs)
    }
  }

  private func startRuntimeIfAllRegistered(_ runtime: RuntimeAPIServer) {
    guard let sandbox, case .initializing = machine.state, runtime.extensions.allSatisfy({ $0.isRegistered || !$0.isExternal }) else {
      return
    }
    do { try startRuntime(in: sandbox) } catch {
      Task { [generation] in await hostFailed("runtime of \(version.function.name): \(error)", generation: generation) }
    }
  }

  private func extensionIsReady(_ name: String, _ runtime: RuntimeAPIServer) {
    let extensions = runtime.extensions
    if case .initializing = machine.state, let ready = extensions.first(where: { $0.name == name }) {
      tellExtension(name, "Ready", events: ready.events.map(\.rawValue))
    }
    if extensions.allSatisfy({ !$0.isBusy }) { proceed(machine.extensionsAreReady()) }
  }

  /// Without extensions, which is the usual case, always.
  var extensionsAreReady: Bool { runtime?.extensions.allSatisfy { !$0.isBusy } ?? true }

  /// A program could not be started, or ended.
  func programEnded(_ program: ProgramNumber) {
    for wait in programs.ended(program) {
      wait.clock.cancel()
      wait.continuation.resume()
    }
  }

  /// Returns when all of `ending` have ended, and not after `deadline`.
  private func waitForEnd(of ending: Set<ProgramNumber>, until deadline: NIODeadline) async {
    guard !ending.isDisjoint(with: programs.running) else { return }
    await withCheckedContinuation { continuation in
      // The wait that it ends is the only one, or one that has ended: a sandbox is taken down once.
      let clock: Scheduled<Void> = eventLoop.scheduleTask(deadline: deadline) { [weak self] in
        self?.assumeIsolated { $0.endWaits() }
      }
      programs.waits.append(Programs.Wait(programs: ending, clock: clock, continuation: continuation))
    }
  }
}

extension ExecutionEnvironment {
  private func endWaits() {
    let waits = programs.waits
    programs.waits = []
    for wait in waits { wait.continuation.resume() }
  }
}

// MARK: Shutdown

/// What a shutdown may take where there are extensions; without any, processes are killed at once.
enum ShutdownBudget {
  static let internalExtensions = TimeAmount.milliseconds(500)
  static let externalExtensions = TimeAmount.milliseconds(2_000)
  /// Its part of the latter.
  static let runtime = TimeAmount.milliseconds(600)
}

extension ExecutionEnvironment {
  /// Has the runtime and then the extensions end by themselves, as far as they do so in time. What is left is to be killed.
  func shutDownPrograms(of sandbox: Sandbox, _ reason: ShutdownReason) async {
    guard let runtime, case let extensions = runtime.extensions, !extensions.isEmpty, !programs.running.isEmpty else { return }
    let external = extensions.filter(\.isExternal)
    let began = NIODeadline.now()
    let deadline = began + (external.isEmpty ? ShutdownBudget.internalExtensions : ShutdownBudget.externalExtensions)
    do {
      try sandbox.thaw()
      try sandbox.signal(SIGTERM, .runtime)
      await waitForEnd(of: [.runtime], until: external.isEmpty ? deadline : began + ShutdownBudget.runtime)
      if !external.isEmpty { try await shutDown(external, runtime, in: sandbox, reason, deadline) }
    } catch {
      // As where it has ended meanwhile.
      host.logger.debug("environment \(id): \(error)")
    }
  }

  private func shutDown(
    _ extensions: [ExtensionStatus], _ runtime: RuntimeAPIServer, in sandbox: Sandbox, _ reason: ShutdownReason, _ deadline: NIODeadline
  ) async throws {
    // The runtime's whole group, whether it is still there or only what it started.
    try sandbox.signal(SIGKILL, .runtime)
    var subscribed = Set<ProgramNumber>()
    for status in extensions {
      guard let number = programs.number(of: status.name) else { continue }
      if status.events.contains(.shutdown) { subscribed.insert(number) } else { try sandbox.signal(SIGKILL, number) }
    }
    collectOutput()
    let left = deadline - .now()
    runtime.shutDown(reason, deadline: WallClock.milliseconds() + left.nanoseconds / 1_000_000)
    await waitForEnd(of: subscribed, until: deadline)
  }

  private var SIGTERM: Int32 { 15 }
  private var SIGKILL: Int32 { 9 }
}
