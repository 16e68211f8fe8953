package import LinuxSystem
package import SpawnProtocol
import Synchronization

/// What a sandbox tells its environment. Calls come from the descriptor watcher's thread.
package enum SandboxEvent: Sendable {
  case started(ProgramNumber)
  /// The program could not be executed.
  case failedToStart(ProgramNumber, errno: Int32)
  /// The started program ended; other processes of the sandbox may still run.
  case exited(ProgramNumber, ExitStatus)
  /// The group met its memory limit; ``Sandbox/outOfMemoryKills()`` says (v1: in a moment) whether a process died of it.
  case memoryNotice
  /// PID 1 ended, and with it every process.
  case ended
  /// There is something to drain; not told again before ``Sandbox/awaitOutput(_:)``.
  case readable(OutputStream)
}

extension Sandbox {
  /// Begins to tell `handler` what happens, until ``destroy(keepVolume:)``.
  package func observe(_ handler: @escaping @Sendable (SandboxEvent) -> Void) throws(SystemError) {
    // Under the lock: an event that comes at once must find its token when it wants to be told again.
    try watches.withLock { (watches) throws(SystemError) in
      do throws(SystemError) {
        try watchLife(&watches, handler)
        watches.handler = handler
        try watchOutput(&watches, .standardOutput, descriptors.standardOutput)
        try watchOutput(&watches, .standardError, descriptors.standardError)
        watches.memory = try watches.add(watchMemory(handler))
      } catch {
        for token in watches.tokens { watcher.cancel(token) }
        watches = Watches()
        throw error
      }
    }
  }

  private func watchOutput(_ watches: inout Watches, _ stream: OutputStream, _ pipe: borrowing Descriptor) throws(SystemError) {
    guard let handler = watches.handler else { return }
    watches.outputs[stream] = try watches.add(
      watcher.watch(pipe.rawValue, for: .readable, oneShot: true) { handler(.readable(stream)) })
  }

  /// Keeps a pipe that was made here, and tells what comes through it.
  func watch(_ pipe: OutputPipe, as stream: OutputStream) throws(SystemError) {
    pipes.withLock { $0[stream] = pipe }
    try watches.withLock { (watches) throws(SystemError) in try watchOutput(&watches, stream, pipe.readEnd) }
  }

  private func watchLife(_ watches: inout Watches, _ handler: @escaping @Sendable (SandboxEvent) -> Void) throws(SystemError) {
    watches.control = try watches.add(
      watcher.watch(descriptors.control.rawValue, for: .readable, oneShot: false) { [weak self] in
        self?.readControl(handler)
      })
    _ = try watches.add(
      watcher.watch(descriptors.process.rawValue, for: .readable, oneShot: true) { handler(.ended) })
  }

  /// Asks to be told again when `stream` has something to drain.
  package func awaitOutput(_ stream: OutputStream) {
    watches.withLock { watches in
      if let token = watches.outputs[stream] { watcher.rearm(token) }
    }
  }

  func stopObserving() {
    let tokens = watches.withLock { watches in
      defer { watches = Watches() }
      return watches.tokens
    }
    for token in tokens { watcher.cancel(token) }
    endSocketRequests()
  }

  private func watchMemory(_ handler: @escaping @Sendable (SandboxEvent) -> Void) throws(SystemError) -> WatchToken {
    switch descriptors.memoryNotice {
    case .counter(let notice):
      try watcher.watch(notice.rawValue, for: .readable, oneShot: true) { [weak self] in
        self?.acknowledgeMemoryNotice()
        handler(.memoryNotice)
      }
    case .events(let events):
      try watcher.watch(events.rawValue, for: .priority, oneShot: true) { [weak self] in
        handler(.memoryNotice)
        self?.acknowledgeMemoryNotice()
      }
    }
  }

  /// Reads the notice away (an eventfd keeps its count, a cgroup file its mark) and waits for the next.
  private func acknowledgeMemoryNotice() {
    var scratch = [UInt8]()
    switch descriptors.memoryNotice {
    case .counter(let notice): _ = try? notice.read(into: &scratch, upTo: 8)  // nothing to read is as good
    case .events(let events): _ = try? events.readText()  // gone with the group: no further notice will come
    }
    watches.withLock { watches in
      if let token = watches.memory { watcher.rearm(token) }
    }
  }

  private func readControl(_ handler: @Sendable (SandboxEvent) -> Void) {
    while true {
      do {
        guard var packet = try PacketSocket.receive(from: descriptors.control, limit: 64, maximumDescriptors: 1) else {
          return
        }
        // roost-init's end of the socket closes when it ends; the pidfd tells that.
        if packet.isEnd { return quitControl() }
        let event = try InitEvent(decoding: packet.bytes)
        if case .socket(let errno) = event {
          guard takeSocket(errno: errno, &packet) else { throw SpawnProtocolError.refused(field: "socket") }
        } else {
          guard packet.descriptors.isEmpty else { throw SpawnProtocolError.refused(field: "descriptor") }
          if let event = SandboxEvent(event) { handler(event) }
        }
      } catch {
        // roost-init is our own program, but tenant code runs beside it: nonsense ends the sandbox, nothing else.
        _ = try? kill()
        return quitControl()
      }
    }
  }

  private func quitControl() {
    let token = watches.withLock { $0.control }
    if let token { watcher.cancel(token) }
    endSocketRequests()
  }
}

extension SandboxEvent {
  /// `nil` for what is between the sandbox and roost-init.
  init?(_ event: InitEvent) {
    switch event {
    case .started(let program, _): self = .started(program)
    case .failed(let program, let errno): self = .failedToStart(program, errno: errno)
    case .exited(let program, let status): self = .exited(program, status)
    case .socket: return nil
    }
  }
}
