import Glibc
import LinuxSystem
import SpawnProtocol

@testable import Spawning

/// A roostd whose every system call waits for a word of the test, by Programs/injector.c, and its fake supervisor.
final class FaultSession {
  let installation: Installation
  private let daemon: DaemonSession
  private let injector: Descriptor
  private let processID: Int32
  private var supervisor: FakeSupervisor
  private var nextNumber: UInt64 = 1
  /// What is there of roostd while it has nothing to do.
  private var idle = IdleDaemon()

  /// What became of a request for a sandbox.
  enum Outcome {
    case created(SandboxID, RunningSandbox)
    case failed(SpawnFailure)
    /// Its socket failed; then roostd ends the supervisor.
    case supervisorLost
  }

  /// No volumes are kept ready, so that the calls that make one are within the making of a sandbox.
  init(_ installation: Installation) throws {
    self.installation = installation
    let program = "\(installation.programs)/injector"
    if unsafe access(program, X_OK) != 0 { try compile("injector", static: false, to: program, libraries: ["seccomp"]) }
    let path = "\(installation.stateDirectory)/injector.sock"
    unlink(path)
    unlink("\(installation.stateDirectory)/test.sock")
    let listener = try Descriptor(listeningAt: path)
    daemon = try DaemonSession(installation, supervisorOptions: ["--volume-pool", "0", "--egress", "nat"], wrapper: [program, path])
    injector = try listener.acceptConnection(within: .limit(20))
    let words = try receivePacket(from: injector, within: .limit(20)).bytes
    processID = Int32(String(decoding: words, as: UTF8.self)) ?? 0
    supervisor = try daemon.nextSupervisor()
    // The first sandbox of all makes what every other uses.
    try makeAndRemove()
    idle = try awaitIdleness()
  }

  func order(_ text: String) throws -> String {
    _ = try PacketSocket.send(Array(text.utf8), over: injector)
    return String(decoding: try receivePacket(from: injector, within: .limit(20)).bytes.dropLast(), as: UTF8.self)
  }

  func make(volumeMegabytes: UInt32 = 512) throws -> Outcome {
    let id = SandboxID(nextNumber)
    var recipe = installation.recipe(UInt32(nextNumber % 90))
    recipe.volumeMegabytes = volumeMegabytes
    recipe.network = .nat
    nextNumber += 1
    guard try tell(.create(id, recipe)), let received = try hear() else { return .supervisorLost }
    switch received.event {
    case .created(id, let created): return .created(id, RunningSandbox(created, received))
    case .failed(id, let failure): return .failed(failure)
    case let other: throw SpawnerSession.Ended(reason: "\(other)")
    }
  }

  /// - Returns: whether the supervisor was there to hear of it.
  func remove(_ id: SandboxID) throws -> Bool {
    guard try tell(.destroy(id, keepVolume: false)) else { return false }
    while let received = try hear() {
      if received.event == .destroyed(id) { return true }
    }
    return false
  }

  func makeAndRemove() throws {
    let outcome = try make()
    guard case .created(let id, let sandbox) = outcome else { throw SpawnerSession.Ended(reason: "\(outcome)") }
    guard try withExtendedLifetime(sandbox, { try remove(id) }) else { throw SpawnerSession.Ended(reason: "no supervisor") }
  }

  /// Ends the supervisor that roostd will have no more of, and takes the next one.
  func replaceSupervisor() throws {
    // EPIPE: roostd was quicker.
    do { try supervisor.exit(1) } catch let error as SystemError where error.errno == EPIPE {}
    supervisor = try daemon.nextSupervisor()
  }

  /// What is there that was not there before the first fault; `nil`: nothing.
  func leftovers() throws -> String? {
    let now = try awaitLook { $0.isNoMore(than: idle) }
    return now.isNoMore(than: idle) ? nil : "\(now) instead of \(idle)"
  }

  /// One look may fall between two steps of what is taken down beside the answer: what is there for a while is what stays.
  private func awaitIdleness() throws -> IdleDaemon {
    var (latest, unchanged) = (IdleDaemon(), 0)
    return try awaitLook { now in
      unchanged = now == latest ? unchanged + 1 : 0
      latest = now
      return unchanged >= 10 && now.traces.loopDevices == 0 && now.threads <= 3
    }
  }

  private func awaitLook(_ isSettled: (IdleDaemon) -> Bool) throws -> IdleDaemon {
    let deadline = ContinuousClock.now + .limit(5)
    let poller = try Poller()
    var now = try look()
    while !isSettled(now) && ContinuousClock.now < deadline {
      _ = try poller.wait(timeout: .milliseconds(5))
      now = try look()
    }
    return now
  }

  func end() throws -> ChildProcess.End? {
    try daemon.signal(SIGTERM)
    return try daemon.end()
  }

  private func tell(_ request: SpawnRequest) throws -> Bool {
    do { return try PacketSocket.send(request.encoded(), over: supervisor.socket) } catch { return false }
  }

  /// `nil`: the socket has ended.
  private func hear() throws -> Received? {
    let poller = try Poller()
    try poller.add(supervisor.socket.rawValue, for: .readable, token: 0)
    while true {
      guard try !poller.wait(timeout: .limit(30)).isEmpty, var packet = try PacketSocket.receive(from: supervisor.socket, limit: 65_536)
      else { throw SpawnerSession.Ended(reason: "no answer") }
      if packet.isEnd { return nil }
      let received = Received(event: try SpawnEvent(decoding: packet.bytes), descriptors: packet.takeDescriptors())
      // Every supervisor's first.
      if case .trees = received.event { continue }
      return received
    }
  }

  private func look() throws -> IdleDaemon {
    let process = "/proc/\(processID)"
    return IdleDaemon(
      traces: try installation.tracesWithoutProcesses(), descriptors: entries(of: "\(process)/fd").count,
      threads: entries(of: "\(process)/task").count,
      children: entries(of: "\(process)/task").reduce(0) { count, thread in
        count + text("\(process)/task/\(thread.name)/children").split(separator: " ").count
      },
      guardPages: text("\(process)/maps").split(separator: "\n").filter { $0.contains(" ---p ") && isOnePage($0) }.count)
  }
}

/// What the allocator has set aside for a thread is more, and stays.
private func isOnePage(_ mapping: Substring) -> Bool {
  let bounds = mapping.prefix { $0 != " " }.split(separator: "-").compactMap { UInt64($0, radix: 16) }
  return bounds.count == 2 && bounds[1] - bounds[0] == UInt64(sysconf(Int32(_SC_PAGESIZE)))
}

private struct IdleDaemon: Hashable {
  var traces = Traces()
  var descriptors = 0
  var threads = 0
  /// The supervisor, and PID 1 of each sandbox, with which all others of it end; zombies too.
  var children = 0
  /// One beneath each stack; the C library keeps some of the stacks of threads that have ended, of which there are up to eight at a time.
  var guardPages = 0

  func isNoMore(than idle: IdleDaemon) -> Bool {
    var same = self
    if guardPages <= idle.guardPages + 8 { same.guardPages = idle.guardPages }
    return same == idle
  }
}
