package import FunctionModel
import Logging
package import NIOCore
import RuntimeAPI
import Sandboxing
import SpawnProtocol
import Synchronization

/// One execution environment: it serves one function version, one invocation at a time, from init to shutdown.
///
/// The actor's executor is its event loop, which is also that of its Runtime API connections: a warm invocation runs from
/// ``invoke(_:)`` to the runtime's waiting `/next` and back without a lock, a task or a hop.
package actor ExecutionEnvironment {
  /// A UUID in lower case.
  package nonisolated let id: String
  package nonisolated let version: FunctionVersion
  /// `YYYY/MM/DD/[version]<32 hex>`
  package nonisolated let logStream: String
  /// Opens the Metadata API to the environment's programs; a UUID.
  nonisolated let metadataToken: String
  package nonisolated let hostUserID: UInt32
  package nonisolated let eventLoop: any EventLoop
  package nonisolated let started: Int64

  let host: EnvironmentHost
  let volume: VolumeID
  let recorder: any EnvironmentRecorder
  let delegate: any ExecutionEnvironmentDelegate

  var machine = EnvironmentStateMachine()
  var sandbox: Sandbox?
  var runtime: RuntimeAPIServer?
  /// Counts sandboxes, so that what a dead one still tells is not taken for the living one's word.
  var generation = 0
  /// The latest sandbox's runtime has exited: what it asked for before, it will not take.
  var runtimeHasEnded = false
  var clock: Scheduled<Void>?
  /// An answer whose caller waits for the log's tail.
  var heldAnswer: InvocationAnswer?
  /// roostd has been asked for a sandbox and has not answered.
  var isCreating = false
  var endReason: String?
  /// Who waits for the end.
  var endWaiters: [CheckedContinuation<Void, Never>] = []
  var hasEnded = false
  var output = Output()
  /// Apart from `output`, which changes while a splitter gives out its lines.
  var splitters: [OutputStream: LineSplitter] = [.standardOutput: LineSplitter(), .standardError: LineSplitter()]
  var paces: [OutputStream: OutputPace] = [:]
  /// The latest sandbox's log channel.
  var frames = LogFrameParser()
  var times = Times()
  var programs = Programs()
  /// Bytes of the latest invocation's response that its caller has been given already.
  var streamedBytes = 0
  /// When the first of them came.
  var responseBegan: NIODeadline?
  /// Who is told of all that happens, beside the log; `nil` while nobody can have subscribed.
  var telemetrySink: ((TelemetryRecord) -> Void)?
  /// When the runtime's credentials are too old for one more invocation, in nanoseconds of the monotonic clock.
  nonisolated let expiry = Atomic<UInt64>(.max)
  var expiration: Scheduled<Void>?

  /// What this life has taken so far.
  struct Times {
    var bringUpBegan: NIODeadline = .now()
    var sandboxCreate: TimeAmount = .zero
    var initBegan: NIODeadline = .now()
    var initialization: TimeAmount = .zero
    var initPhaseSucceeded = false
    var invocations: Int64 = 0
    var lastUsed: Int64 = 0
    /// What the sandbox had used when the latest invocation began: the next one's is counted from here.
    var used = Usage()
  }

  /// To which invocation the log's next lines belong.
  struct Output {
    var requestID: String?
    var tail: LogTail?
    var allowance = LogAllowance(bytes: Limits.invocationLogBytes)
  }

  /// The one word `unsafe` of this room, which the language asks for here: the actor keeps its event loop, and so its executor, alive.
  package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe eventLoop.executor.asUnownedSerialExecutor() }

  package init(
    id: String, version: FunctionVersion, hostUserID: UInt32, eventLoop: any EventLoop, host: EnvironmentHost,
    recorder: any EnvironmentRecorder, delegate: any ExecutionEnvironmentDelegate
  ) {
    self.id = id
    var identifiers = IdentifierSource()
    metadataToken = identifiers.uuid()
    self.version = version
    self.hostUserID = hostUserID
    self.eventLoop = eventLoop
    self.host = host
    self.recorder = recorder
    self.delegate = delegate
    volume = host.spawner.newVolume()
    started = WallClock.milliseconds()
    logStream = WallClock.logStream(version: version.version, environment: id)
  }

  /// Begins the init phase: makes the sandbox and starts the runtime. The delegate hears how it went.
  package func start() async {
    guard machine.start() else { return }
    recordEnvironment()
    await bringUp()
  }

  /// Takes an invocation. Legal while available; the completion is called exactly once whatever happens.
  package func invoke(_ invocation: Invocation) {
    guard case .idle = machine.state, let sandbox else { return invokeUnfrozen(invocation) }
    do {
      try sandbox.thaw()
      if telemetrySink != nil { runtime?.resumeTelemetry() }
      invokeUnfrozen(invocation)
    } catch {
      host.logger.error("environment \(id): \(error)")
      fault(.stopped)
      invocation.completion(.unavailable)
    }
  }

  /// The same for an environment that has not been frozen since its last invocation.
  func invokeUnfrozen(_ invocation: Invocation) {
    let now = NIODeadline.now()
    streamedBytes = 0
    responseBegan = nil
    var running = RunningInvocation(
      invocation: invocation, begun: now, begunWall: WallClock.milliseconds(),
      deadline: now + TimeAmount(version.timeout), isCold: times.invocations == 0)
    if case .reset = machine.state { running.initializesInside = true }
    switch machine.invoke(running) {
    case .deliver:
      times.invocations += 1
      logStart(invocation)
      deliver(running)
    case .initializeFirst:
      times.invocations += 1
      logStart(invocation)
      setClock(running.deadline) { $0.timeIsUp() }
      Task { await self.bringUp() }
    case .refuse:
      invocation.completion(.unavailable)
    }
  }

  /// Hands the event to the runtime; the function's clock runs.
  func deliver(_ running: RunningInvocation) {
    guard let runtime else { return fault(.exited(.signal(9))) }
    times.lastUsed = running.begunWall
    let budget = Int64(TimeAmount(version.timeout).nanoseconds / 1_000_000)
    let invocation = running.invocation
    setClock(running.deadline) { $0.timeIsUp() }
    machine.delivered(at: .now())
    runtime.deliver(
      RuntimeEvent(
        requestID: invocation.requestID, deadline: running.begunWall + budget,
        invokedFunctionARN: invocation.invokedARN, traceID: invocation.traceID,
        clientContext: invocation.clientContext, tenantID: invocation.tenantID, contentType: invocation.contentType,
        payload: invocation.payload, streamLimit: invocation.stream == nil ? nil : Limits.streamedResponseBytes))
  }

  /// Runs `action` at `deadline` unless the clock is set anew or cleared before.
  func setClock(_ deadline: NIODeadline, _ action: @escaping @Sendable (isolated ExecutionEnvironment) -> Void) {
    clock?.cancel()
    clock = eventLoop.scheduleTask(deadline: deadline) { [weak self] in
      self?.assumeIsolated { action($0) }
    }
  }

  func clearClock() {
    clock?.cancel()
    clock = nil
  }

  /// The function's timeout has passed.
  func timeIsUp() {
    fault(.timedOut(seconds: Int(version.timeout.components.seconds)))
  }

  func freeze() {
    if telemetrySink != nil { runtime?.holdTelemetry() }
    do { try sandbox?.freeze() } catch { host.logger.error("environment \(id): \(error)") }
  }
}
