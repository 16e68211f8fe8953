import NIOCore

/// The life of one execution environment, as a pure machine: inputs in, what to do out. The actor around it does the I/O.
///
///     new → initializing → idle ⇄ running
///              │  ↑          │       │        a fault anywhere: resetting → reset
///              └──┴──────────┴───────┴──→ resetting → reset ──invoke──→ initializing (inside that invoke)
///
/// `stop` is legal everywhere and leads to stopping → stopped.
struct EnvironmentStateMachine: ~Copyable {
  enum State {
    case new
    /// A sandbox is being made, or its programs start. With an invocation: init repeated inside that invoke. The runtime may be ready, and
    /// extensions not.
    case initializing(RunningInvocation?, runtimeIsReady: Bool = false)
    case idle
    case running(RunningInvocation)
    /// The sandbox is being taken down; the environment stays, with its `/tmp`.
    case resetting
    /// No sandbox. The next invocation will initialise anew.
    case reset
    case stopping
    case stopped
  }

  private(set) var state: State = .new

  /// The init phase begins.
  ///
  /// - Returns: false if a stop came first.
  mutating func start() -> Bool {
    guard case .new = state else { return false }
    state = .initializing(nil)
    return true
  }

  enum InvokeAction {
    case deliver
    case initializeFirst
    /// Not available (the scheduler lost a race with a stop).
    case refuse
  }

  mutating func invoke(_ running: RunningInvocation) -> InvokeAction {
    switch state {
    case .idle:
      state = .running(running)
      return .deliver
    case .reset:
      state = .initializing(running)
      return .initializeFirst
    case .new, .initializing, .running, .resetting, .stopping, .stopped:
      return .refuse
    }
  }

  enum ReadyAction {
    /// The init phase is over; the environment is available.
    case initialized
    /// Init inside an invoke is over: now its event can be delivered.
    case deliver(RunningInvocation)
    /// The runtime and the extensions ask for more: the invocation is over.
    case finished(RunningInvocation)
    /// The runtime's part of the invocation is over, and an extension's is not.
    case awaitExtensions(RunningInvocation)
    case ignore
  }

  /// The runtime asked for its next event.
  mutating func runtimeIsReady(at time: NIODeadline, extensionsAreReady: Bool) -> ReadyAction {
    switch state {
    case .initializing(let running, _): state = .initializing(running, runtimeIsReady: true)
    case .running(var running):
      // Without an answer the runtime is only asking again for the event it has.
      guard running.answered != nil else { return .ignore }
      guard running.runtimeDone == nil else { return .ignore }
      running.runtimeDone = time
      running.awaitsExtensions = !extensionsAreReady
      state = .running(running)
      if running.awaitsExtensions { return .awaitExtensions(running) }
    case .new, .idle, .resetting, .reset, .stopping, .stopped: break
    }
    return extensionsAreReady ? self.extensionsAreReady() : .ignore
  }

  /// All extensions have asked for their next event.
  mutating func extensionsAreReady() -> ReadyAction {
    switch state {
    case .initializing(nil, runtimeIsReady: true):
      state = .idle
      return .initialized
    case .initializing(.some(let running), runtimeIsReady: true):
      state = .running(running)
      return .deliver(running)
    case .running(let running) where running.runtimeDone != nil:
      state = .idle
      return .finished(running)
    case .initializing(_, runtimeIsReady: false), .running, .new, .idle, .resetting, .reset, .stopping, .stopped:
      return .ignore
    }
  }

  /// The runtime answered.
  /// - Returns: the invocation to answer; `nil` if there is none.
  mutating func answered(at time: NIODeadline, isError: Bool, errorType: String?, bytes: Int) -> RunningInvocation? {
    guard case .running(var running) = state, running.answered == nil else { return nil }
    running.answered = RunningInvocation.Answered(time: time, isError: isError, errorType: errorType, bytes: bytes)
    state = .running(running)
    return running
  }

  /// The event was handed to the runtime.
  mutating func delivered(at time: NIODeadline) {
    guard case .running(var running) = state else { return }
    running.delivered = time
    state = .running(running)
  }

  /// Init inside this invoke is over; how long it took goes with the invocation.
  mutating func noteRepeatedInit(_ running: RunningInvocation) {
    guard case .running = state else { return }
    state = .running(running)
  }

  enum FaultAction {
    case initPhaseFailed
    case invocationFailed(RunningInvocation)
    /// It died while nothing ran.
    case lost
    case ignore
  }

  /// The runtime ended, ran out of memory or time, or broke the protocol. Unless ignored, the sandbox must go.
  mutating func fault() -> FaultAction {
    switch state {
    case .initializing(nil, _):
      state = .resetting
      return .initPhaseFailed
    case .initializing(.some(let running), _), .running(let running):
      state = .resetting
      return .invocationFailed(running)
    case .idle:
      state = .resetting
      return .lost
    case .new, .resetting, .reset, .stopping, .stopped:
      return .ignore
    }
  }

  /// The sandbox is gone.
  /// - Returns: whether the environment is available again.
  mutating func sandboxDestroyed() -> Bool {
    switch state {
    case .resetting:
      state = .reset
      return true
    case .stopping:
      state = .stopped
      return false
    case .new, .initializing, .idle, .running, .reset, .stopped:
      return false
    }
  }

  enum StopAction {
    /// Take the sandbox down; an invocation that runs is told.
    case stop(RunningInvocation?)
    /// A reset is on its way: what it destroys will end the environment.
    case alreadyDestroying
    case ignore
  }

  mutating func stop() -> StopAction {
    switch state {
    case .initializing(let running, _):
      state = .stopping
      return .stop(running)
    case .running(let running):
      state = .stopping
      return .stop(running)
    case .new, .idle, .reset:
      state = .stopping
      return .stop(nil)
    case .resetting:
      state = .stopping
      return .alreadyDestroying
    case .stopping, .stopped:
      return .ignore
    }
  }
}

/// An invocation that has reached its environment, with the instants that its report is made of.
struct RunningInvocation: Sendable {
  struct Answered: Sendable {
    var time: NIODeadline
    var isError: Bool
    var errorType: String?
    var bytes: Int
  }

  var invocation: Invocation
  /// When the environment took it: its clock, and with a repeated init its bill, start here.
  var begun: NIODeadline
  /// Wall clock of `begun`, in milliseconds since 1970.
  var begunWall: Int64
  var deadline: NIODeadline
  /// The environment's first: its init phase is reported with it.
  var isCold: Bool
  var delivered: NIODeadline?
  var answered: Answered?
  /// When the runtime asked for more after that; extensions may take longer.
  var runtimeDone: NIODeadline?
  var awaitsExtensions = false
  /// Init is repeated inside this invoke.
  var initializesInside = false
  /// How long a repeated init inside this invoke took.
  var repeatedInit: TimeAmount = .zero
  var repeatedSandbox: TimeAmount = .zero
}
