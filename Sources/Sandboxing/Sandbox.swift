package import LinuxSystem
package import SpawnProtocol
import Synchronization

/// The handle to a running sandbox: the descriptors that roostd handed over, and what can be done with them.
///
/// All operations are single system calls on descriptors that root opened; none crosses to roostd but ``kill()`` on hosts
/// without `cgroup.kill`, and ``destroy(keepVolume:)``.
package final class Sandbox: Sendable {
  package let id: SandboxID
  /// PID of the sandbox's first process as the host sees it.
  package let hostProcessID: Int
  /// How long roostd took to make it.
  package let creation: Duration

  let descriptors: SandboxDescriptors
  let watcher: DescriptorWatcher
  let watches = Mutex(Watches())
  let created: CreatedSandbox
  private let spawner: SandboxSpawner
  /// The listener until a server takes it.
  private let listener: Mutex<CInt?>
  /// Until they have been written.
  private let cpuControls: Mutex<CPUControls?>
  /// Of all sandboxes.
  let statistics: SandboxStatistics

  /// The log channel, and what extensions write.
  let pipes = Mutex<[OutputStream: OutputPipe]>([:])
  /// Who waits for a socket, in the order of asking.
  let socketRequests = Mutex<[CheckedContinuation<Result<CInt, SystemError>, Never>]>([])

  struct Watches {
    private(set) var tokens: [WatchToken] = []
    var control: WatchToken?
    var outputs: [OutputStream: WatchToken] = [:]
    var memory: WatchToken?
    /// Who is told.
    var handler: (@Sendable (SandboxEvent) -> Void)?

    mutating func add(_ token: WatchToken) -> WatchToken {
      tokens.append(token)
      return token
    }
  }

  init(
    id: SandboxID, created: CreatedSandbox, descriptors: consuming SandboxDescriptors, cpuControls: consuming CPUControls,
    listener: consuming Descriptor, statistics: SandboxStatistics, watcher: DescriptorWatcher, spawner: SandboxSpawner
  ) {
    self.id = id
    self.created = created
    self.descriptors = descriptors
    self.cpuControls = Mutex(cpuControls)
    self.listener = Mutex(listener.release())
    self.statistics = statistics
    self.watcher = watcher
    self.spawner = spawner
    hostProcessID = Int(created.hostProcessID)
    creation = .microseconds(Int64(created.microseconds))
  }

  deinit {
    stopObserving()
    statistics.forget(created)
    if let number = takeListener() { _ = Descriptor(owning: number) }
  }

  /// The listening socket at 169.254.100.1:9001 inside the sandbox. The first caller owns it; later ones get `nil`.
  package func takeListener() -> CInt? {
    listener.withLock { number in
      defer { number = nil }
      return number
    }
  }

  /// Stops all processes of the sandbox where they are. They use no CPU until ``thaw()``.
  package func freeze() throws(SystemError) {
    try descriptors.freezer.write(created.freezer == .v2 ? "1" : "FROZEN")
  }

  package func thaw() throws(SystemError) {
    try descriptors.freezer.write(created.freezer == .v2 ? "0" : "THAWED")
  }

  /// Ends every process of the sandbox, frozen or not.
  package func kill() throws(SystemError) {
    switch descriptors.kill {
    case .some(let file): try file.write("1")
    case .none: spawner.send(.kill(id))
    }
  }

  /// Ends the init phase's burst: from now on the function gets the CPU that its memory buys, and among busy ones its part of it. Once; what
  /// is written to is closed then.
  package func limitCPU(to share: CPUShare) throws(SystemError) {
    try cpuControls.withLock { controls throws(SystemError) in
      guard let files = controls.take() else { return }
      try files.weight.write(share.weightText(created.cpu))
      try files.quota.write(share.controlText(created.cpu))
    }
  }

  /// Kills what still runs and has roostd remove the rest; returns when nothing of it is left.
  ///
  /// - Returns: whether roostd has done so; `false`: it is gone, and had taken the sandbox with it, perhaps before.
  @discardableResult
  package func destroy(keepVolume: Bool) async -> Bool {
    stopObserving()
    statistics.forget(created)
    return await spawner.destroy(id, keepVolume: keepVolume)
  }

  /// Reads what was written since the last call, without waiting, into `buffer` (appended).
  ///
  /// - Returns: whether the pipe's other end is closed for good.
  package func drainOutput(_ stream: OutputStream, into buffer: inout [UInt8], limit: Int) throws(SystemError) -> Bool {
    while buffer.count < limit {
      let chunk = min(8_192, limit - buffer.count)
      let outcome =
        switch stream {
        case .standardOutput: try descriptors.standardOutput.read(into: &buffer, upTo: chunk)
        case .standardError: try descriptors.standardError.read(into: &buffer, upTo: chunk)
        case .logChannel, .extension: try readPipe(of: stream, into: &buffer, upTo: chunk)
        }
      switch outcome {
      case .bytes: continue
      case .wouldBlock: return false
      case .endOfFile: return true
      }
    }
    return false
  }
}

/// What programs write for people.
package enum OutputStream: Sendable, Hashable {
  /// The runtime's.
  case standardOutput
  case standardError
  /// The frames of the runtime's client.
  case logChannel
  /// Both of an extension.
  case `extension`(ProgramNumber)
}
