package import LinuxSystem
package import SpawnProtocol
import Synchronization

/// What a sandbox tells its environment. Calls come from the descriptor watcher's thread.
package enum SandboxEvent: Sendable {
  case started
  /// The program could not be executed.
  case failedToStart(errno: Int32)
  /// The started program ended; other processes of the sandbox may still run.
  case exited(ExitStatus)
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
    var watches = Watches()
    watches.tokens.append(
      try watcher.watch(descriptors.control.rawValue, for: .readable, oneShot: false) { [weak self] in
        self?.readControl(handler)
      })
    watches.tokens.append(
      try watcher.watch(descriptors.process.rawValue, for: .readable, oneShot: true) { handler(.ended) })
    let output = try watcher.watch(descriptors.standardOutput.rawValue, for: .readable, oneShot: true) {
      handler(.readable(.standardOutput))
    }
    let errorOutput = try watcher.watch(descriptors.standardError.rawValue, for: .readable, oneShot: true) {
      handler(.readable(.standardError))
    }
    let memory = try watchMemory(handler)
    watches.tokens += [output, errorOutput, memory]
    watches.output = output
    watches.errorOutput = errorOutput
    watches.memory = memory
    self.watches.withLock { [watches] in $0 = watches }
  }

  /// Asks to be told again when `stream` has something to drain.
  package func awaitOutput(_ stream: OutputStream) {
    watches.withLock { watches in
      let token = stream == .standardOutput ? watches.output : watches.errorOutput
      if let token { watcher.rearm(token) }
    }
  }

  func stopObserving() {
    let tokens = watches.withLock { watches in
      defer { watches = Watches() }
      return watches.tokens
    }
    for token in tokens { watcher.cancel(token) }
  }

  private func watchMemory(_ handler: @escaping @Sendable (SandboxEvent) -> Void) throws(SystemError) -> WatchToken {
    switch descriptors.outOfMemory {
    case .some(let notice):
      try watcher.watch(notice.rawValue, for: .readable, oneShot: true) { [weak self] in
        self?.acknowledgeMemoryNotice()
        handler(.memoryNotice)
      }
    case .none:
      try watcher.watch(descriptors.memoryEvents.rawValue, for: .priority, oneShot: true) { [weak self] in
        handler(.memoryNotice)
        self?.acknowledgeMemoryNotice()
      }
    }
  }

  /// Reads the notice away (an eventfd keeps its count, a cgroup file its mark) and waits for the next.
  private func acknowledgeMemoryNotice() {
    var scratch = [UInt8]()
    switch descriptors.outOfMemory {
    case .some(let notice): _ = try? notice.read(into: &scratch, upTo: 8)  // nothing to read is as good
    case .none: _ = try? descriptors.memoryEvents.readText()  // gone with the group: no further notice will come
    }
    watches.withLock { watches in
      if let token = watches.memory { watcher.rearm(token) }
    }
  }

  private func readControl(_ handler: @Sendable (SandboxEvent) -> Void) {
    while true {
      do {
        guard let packet = try PacketSocket.receive(from: descriptors.control, limit: 64, maximumDescriptors: 0) else {
          return
        }
        // roost-init's end of the socket closes when it ends; the pidfd tells that.
        if packet.isEnd { return quitControl() }
        handler(SandboxEvent(try InitEvent(decoding: packet.bytes)))
      } catch {
        // roost-init is our own program, but tenant code runs beside it: nonsense ends the sandbox, nothing else.
        _ = try? kill()
        return quitControl()
      }
    }
  }

  private func quitControl() {
    let token = watches.withLock { watches in watches.tokens.first }
    if let token { watcher.cancel(token) }
  }
}

extension SandboxEvent {
  init(_ event: InitEvent) {
    switch event {
    case .started: self = .started
    case .failed(let errno): self = .failedToStart(errno: errno)
    case .exited(let status): self = .exited(status)
    }
  }
}
