package import LinuxSystem
package import Logging
package import SpawnProtocol
import Synchronization

/// The supervisor's side of the privilege border: asks roostd for sandboxes and hears what becomes of them.
///
/// Requests are packets on the socket pair that roostd left at descriptor 3; answers are read by the descriptor watcher's
/// thread and matched by sandbox number.
package final class SandboxSpawner: Sendable {
  private let socket: Descriptor
  private let watcher: DescriptorWatcher
  private let logger: Logger
  private let state: Mutex<State>

  private struct State {
    var nextSandbox: UInt64 = 1
    var nextVolume: UInt64 = 1
    var creations: [SandboxID: CheckedContinuation<Result<Sandbox, SpawnFailure>, Never>] = [:]
    var destructions: [SandboxID: CheckedContinuation<Bool, Never>] = [:]
    var watch: WatchToken?
    /// Told first of all.
    var statistics: SandboxStatistics?
    /// What roostd's socket has not taken yet, in order.
    var outgoing: [SpawnRequest] = []
    var ended = false
  }

  /// - Parameters:
  ///   - socket: SOCK_SEQPACKET to roostd; ownership passes.
  ///   - onEnd: called once when roostd is gone.
  package init(
    socket: consuming Descriptor, watcher: DescriptorWatcher, logger: Logger, onEnd: @escaping @Sendable () -> Void
  ) throws(SystemError) {
    self.socket = socket
    self.watcher = watcher
    self.logger = logger
    state = Mutex(State())
    let token = try watcher.watch(self.socket.rawValue, for: .readable, oneShot: false) { [weak self] in
      self?.receive(onEnd: onEnd)
    }
    state.withLock { $0.watch = token }
  }

  /// A number for a new `/tmp`.
  package func newVolume() -> VolumeID {
    state.withLock { state in
      defer { state.nextVolume += 1 }
      return VolumeID(state.nextVolume)
    }
  }

  /// Has roostd make a sandbox. Its roost-init waits for ``Sandbox/start(_:)``.
  package func create(_ plan: SandboxPlan) async throws(SpawnFailure) -> Sandbox {
    try await create { .create($0, plan.recipe) }
  }

  /// Has roostd make a sandbox for an unpacker.
  func createUnpacker(hostUserID: UInt32) async throws(SpawnFailure) -> Sandbox {
    try await create { .createUnpacker($0, hostUserID: hostUserID) }
  }

  private func create(_ request: (SandboxID) -> SpawnRequest) async throws(SpawnFailure) -> Sandbox {
    let result = await withCheckedContinuation { continuation in
      let id = state.withLock { state -> SandboxID? in
        guard !state.ended else { return nil }
        let id = SandboxID(state.nextSandbox)
        state.nextSandbox += 1
        state.creations[id] = continuation
        return id
      }
      guard let id else { return continuation.resume(returning: .failure(.unreachable)) }
      if !send(request(id)) { finishCreation(id, .failure(.unreachable)) }
    }
    return try result.get()
  }

  /// Gives back a volume that a reset kept.
  package func release(_ volume: VolumeID) {
    send(.release(volume))
  }

  /// - Returns: whether roostd has said that it is gone; `false`: roostd is gone, and with it every sandbox.
  func destroy(_ id: SandboxID, keepVolume: Bool) async -> Bool {
    await withCheckedContinuation { continuation in
      let waits = state.withLock { state -> Bool in
        guard !state.ended else { return false }
        state.destructions[id] = continuation
        return true
      }
      guard waits else { return continuation.resume(returning: false) }
      if !send(.destroy(id, keepVolume: keepVolume)) { finishDestruction(id, isDone: false) }
    }
  }

  /// Sends in order; what the socket does not take now follows in a moment.
  ///
  /// - Returns: false if roostd is gone.
  @discardableResult
  func send(_ request: SpawnRequest) -> Bool {
    do {
      let mustRetry = try state.withLock { state throws(SystemError) -> Bool in
        let isFirst = state.outgoing.isEmpty
        state.outgoing.append(request)
        guard isFirst else { return false }
        return try !flush(&state)
      }
      if mustRetry { retryInAMoment() }
      return true
    } catch {
      logger.error("request to roostd: \(error)")
      return false
    }
  }

  /// - Returns: whether everything has been sent.
  private func flush(_ state: inout State) throws(SystemError) -> Bool {
    var sent = 0
    defer { state.outgoing.removeFirst(sent) }
    for request in state.outgoing {
      guard try PacketSocket.send(request.encoded(), over: socket) else { return false }
      sent += 1
    }
    return true
  }

  /// epoll calls a packet socket writable long before it takes a packet, so time is asked instead.
  private func retryInAMoment() {
    Task {
      do {
        try await Task.sleep(for: .milliseconds(2))
        let isDone = try state.withLock { state throws(SystemError) in try flush(&state) }
        if !isDone { retryInAMoment() }
      } catch {
        logger.error("request to roostd: \(error)")
      }
    }
  }
}

// MARK: Answers

extension SandboxSpawner {
  private func receive(onEnd: @Sendable () -> Void) {
    while true {
      do {
        let received = try PacketSocket.receive(
          from: socket, limit: SpawnProtocol.maximumPacket, maximumDescriptors: DescriptorRole.allCases.count)
        guard var packet = received else { return }
        if packet.isEnd { return end(onEnd) }
        let event = try SpawnEvent(decoding: packet.bytes)
        handle(event, descriptors: packet.takeDescriptors())
      } catch {
        logger.critical("roostd's answer cannot be understood: \(error)")
        return end(onEnd)
      }
    }
  }

  private func handle(_ event: SpawnEvent, descriptors: [CInt]) {
    switch event {
    case .trees(let roles):
      guard let received = ReceivedDescriptors(roles: roles, numbers: descriptors), let trees = Trees(received) else {
        return logger.critical("roostd handed over no control groups to read in")
      }
      let statistics = SandboxStatistics(trees)
      state.withLock { $0.statistics = statistics }
    case .created(let id, let created):
      var received = ReceivedDescriptors(roles: created.roles, numbers: descriptors)
      finishCreation(id, sandbox(id, created, &received))
    case .failed(let id, let failure):
      finishCreation(id, .failure(failure))
    case .exited:
      break  // the pidfd has told it already
    case .destroyed(let id):
      finishDestruction(id, isDone: true)
    }
  }

  private func sandbox(
    _ id: SandboxID, _ created: CreatedSandbox, _ received: inout ReceivedDescriptors<DescriptorRole>?
  ) -> Result<Sandbox, SpawnFailure> {
    guard let statistics = state.withLock({ $0.statistics }), let listener = received?.take(.listener),
      let cpuControls = received?.cpuControls(), let descriptors = received?.sandboxDescriptors()
    else {
      logger.critical("roostd handed over an incomplete sandbox")
      send(.destroy(id, keepVolume: false))
      return .failure(.unreachable)
    }
    return .success(
      Sandbox(
        id: id, created: created, descriptors: descriptors, cpuControls: cpuControls, listener: listener, statistics: statistics,
        watcher: watcher, spawner: self))
  }

  private func finishCreation(_ id: SandboxID, _ result: Result<Sandbox, SpawnFailure>) {
    state.withLock { $0.creations.removeValue(forKey: id) }?.resume(returning: result)
  }

  private func finishDestruction(_ id: SandboxID, isDone: Bool) {
    state.withLock { $0.destructions.removeValue(forKey: id) }?.resume(returning: isDone)
  }

  /// roostd is gone, and its sandboxes with it: nobody may wait for an answer any more.
  private func end(_ onEnd: @Sendable () -> Void) {
    let (creations, destructions) = state.withLock { state in
      defer {
        state.creations = [:]
        state.destructions = [:]
        state.outgoing = []
        state.ended = true
        if let token = state.watch { watcher.cancel(token) }
      }
      return (Array(state.creations.values), Array(state.destructions.values))
    }
    for waiting in creations { waiting.resume(returning: .failure(.unreachable)) }
    for waiting in destructions { waiting.resume(returning: false) }
    onEnd()
  }
}

extension SpawnFailure {
  /// roostd did not answer.
  package static let unreachable = SpawnFailure(step: .refused, errno: 32 /* EPIPE */)
}
