import Glibc
import LinuxSystem
import SpawnProtocol

/// roostd: the privileged parent.
///
/// Exit statuses: 0 stopped in order; 64 and 78 command line and configuration (from the supervisor); 67 no such user; 69 something that
/// belongs to the installation is missing, or with `--clean` the state directory; 71 the system refused; 75 the state directory is in use; 77 not started by root.
package final class RoostDaemon {
  /// Why there is nothing to run, as one line, perhaps with a hint, and a status.
  struct Refusal: Error {
    let status: Int32
    let message: String
    var hint: String?
  }

  private let programs: Programs
  private let arguments: [String]
  private let user: ServiceUser
  private let loop: EventLoop
  private let signals: SignalDescriptor
  private let state: StateDirectory
  private var record: SupervisorRecord?
  private let host: SandboxHost
  private let volumes: VolumePool
  private let supervisorScore: Int?
  private var supervisor: SupervisorProcess?
  private var supervisorGroup: SupervisorGroup?
  private var spawner: Spawner?
  private var backOff = SupervisorBackOff()
  /// Set once roostd is to end, to the status it ends with.
  private var stopping: Int32?
  private var status: Int32 = 0

  /// The whole program; `arguments` without its name. Returns the exit status.
  package static func main(arguments: [String]) -> Int32 {
    // Ignored by the starter, it would make the kernel reap our children before we do.
    _ = signal(SIGCHLD, SIG_DFL)
    do {
      let programs = try Programs()
      if let status = try programs.answerWithoutHost(arguments) { return status }
      if arguments.contains("--clean") { return try CleaningRun.main(programs: programs, arguments: arguments) }
      return try RoostDaemon(programs: programs, arguments: arguments).run()
    } catch let refusal as Refusal {
      if !refusal.message.isEmpty { note(refusal.message) }
      if let hint = refusal.hint { note("hint: \(hint)") }
      return refusal.status
    } catch let error as StateDirectory.InUse {
      note("\(error)")
      return 75
    } catch {
      note("\(error)")
      return 71
    }
  }

  /// Sandboxes, and what is left of them, are root's to handle.
  static func requireRoot() throws(Refusal) {
    guard geteuid() == 0 else {
      throw Refusal(status: 77, message: "only root can make sandboxes", hint: "start it with sudo, or as a systemd service")
    }
  }

  private init(programs: Programs, arguments: [String]) throws {
    try Self.requireRoot()
    // Before anything is started, so that no signal finds the default disposition. SIGPIPE is only to be blocked.
    signals = try SignalDescriptor(SIGTERM, SIGINT, SIGHUP, SIGPIPE)
    supervisorScore = OutOfMemoryScore.lowerOwn()
    try Privileges.reduce()
    let prepared = try PreparedHost()
    self.programs = programs
    self.arguments = arguments
    user = try ServiceUser.serving(arguments)
    let layout = try ControlGroupLayout.detect()
    try Self.endOrphans(of: user, layout)
    let settings = try programs.resolveConfiguration(arguments, as: user, prepared)
    raiseDescriptorLimit()
    state = try StateDirectory(path: settings.stateDirectory, owner: user.account)
    try makeDirectories(settings.runtimesDirectory)
    let name = settings.controlGroupName ?? ControlGroupTree.name(forStateDirectory: state.path)
    Self.reap(try Leftovers(of: state, controlGroups: name, layout: layout))
    let groups = try ControlGroupTree(layout: layout, name: name)
    // Of what cannot be removed, processes alone are a reason not to start.
    try groups.reapLeftovers()
    record = try SupervisorRecord(of: user.account.userID, controlGroups: name)
    // From here on there are other threads, and other users' bytes.
    try Privileges.settle()
    if SupervisorDomain.landlockVersion == nil { note("this kernel has no Landlock: the supervisor can read what its user can") }
    loop = try EventLoop()
    let network = HostNetwork.forSandboxes(settings.network, name: groups.name)
    do {
      host = try SandboxHost(
        settings: settings, state: state.descriptor, initProgram: programs.initProgram, unpackProgram: programs.unpackProgram,
        controlGroups: groups, network: network, prepared: prepared)
      volumes = try VolumePool(host: host, loop: loop)
    } catch {
      network?.removeOrNote()
      throw error
    }
  }

  /// Before anything is read that a supervisor of an earlier run could still have a hand in.
  private static func endOrphans(of user: ServiceUser, _ layout: ControlGroupLayout) throws {
    let ended = try SupervisorRecord.endOrphans(of: user.account.userID, layout: layout)
    if !ended.isEmpty { note("ended what an earlier run's supervisor left: \(ended.joined(separator: ", "))") }
  }

  private static func reap(_ leftovers: Leftovers) {
    var removed: [String: Int] = [:]
    for failure in leftovers.reap(tellTo: { removed[$0.kind, default: 0] += 1 }) { note("left by an earlier run: \(failure)") }
    guard !removed.isEmpty else { return }
    note("removed what an earlier run left: " + removed.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
  }

  private func run() throws -> Int32 {
    do { try serve() } catch {
      // The host has its network back whatever was wrong.
      host.network?.removeOrNote()
      throw error
    }
    try host.network?.remove()
    return status
  }

  private func serve() throws {
    _ = try loop.watch(signals.descriptor.rawValue) { [self] in heedSignals() }
    try host.network?.keepPolicy(on: loop)
    startSupervisor()
    try loop.run()
    spawner = nil
    volumes.close()
    try Privileges.resume()
    // Whatever was left for want of time.
    try host.controlGroups.reapLeftovers()
    try host.controlGroups.remove()
    try record.take()?.remove()
  }
}

// MARK: The supervisor

extension RoostDaemon {
  private func startSupervisor() {
    do {
      let ends = try PacketSocket.pair()
      // Before the other end is anybody's. A kernel that cannot: SupervisorLink closes what comes elsewhere.
      _ = try PacketSocket.refuseDescriptors(at: ends.first)
      let group = try SupervisorGroup(in: host, loop: loop)
      supervisorGroup = group
      let process = try SupervisorProcess(
        program: programs.supervisor, arguments: arguments, user: user, in: surroundings(group), socket: ends.second.rawValue)
      supervisor = process
      spawner = try Spawner(host: host, volumes: volumes, socket: ends.first, loop: loop) { [weak self] in self?.disown($0) }
      var watch: EventLoop.Token?
      watch = try loop.watch(process.handle.descriptor.rawValue) { [self] in
        guard let status = reap(process) else { return }
        if let watch { loop.cancel(watch) }
        supervisorEnded(status, life: ContinuousClock.now - process.began)
      }
    } catch {
      note("supervisor: \(error)")
      finish(status: 71)
    }
  }

  private func surroundings(_ group: SupervisorGroup) -> SupervisorProcess.Surroundings {
    var domain = programs.domain(arguments)
    domain.stateDirectory = state.descriptor.rawValue
    domain.runtimesDirectory = host.runtimes.rawValue
    domain.controlGroups = host.controlGroups.directoryNumbers
    return SupervisorProcess.Surroundings(host: host.prepared, domain: domain, group: group.group, outOfMemoryScore: supervisorScore)
  }

  private func reap(_ process: SupervisorProcess) -> Int32? {
    do { return try process.handle.reap() } catch {
      note("supervisor: \(error)")
      return 1
    }
  }

  /// Its socket ended first, or it sent nonsense: it ends, and ``supervisorEnded(_:life:)`` goes on.
  private func disown(_ reason: String) {
    // A supervisor that was told to stop may close its socket before it ends.
    guard stopping == nil, let disowned = supervisor else { return }
    note("supervisor \(reason)")
    // One that ends by itself closes its socket a moment before: its own exit status is worth the wait.
    loop.after(.seconds(1)) { [self] in
      if supervisor === disowned { signalSupervisor(SIGKILL) }
    }
  }

  private func supervisorEnded(_ status: Int32, life: Duration) {
    supervisor = nil
    supervisorGroup?.end()
    supervisorGroup = nil
    let isFinal = stopping != nil || SupervisorProcess.finalStatuses.contains(status)
    if stopping == nil { note(status > 128 ? "supervisor was ended by signal \(status - 128)" : "supervisor ended with status \(status)") }
    // Where roostd goes on, what cannot be ended is waited for: a sandbox of the same uid may not be made beside it.
    spawner?.abandonAll(within: isFinal ? Self.patience : nil) { [self] in
      spawner = nil
      if isFinal { return finish(status: stopping ?? status) }
      restartSupervisor(after: backOff.delay(afterLife: life))
    }
  }

  private func restartSupervisor(after delay: Duration) {
    loop.after(delay) { [self] in
      if stopping != nil { return finish(status: 0) }
      guard !ClosingThread.isCrowded else {
        note("supervisor not started yet: what earlier ones passed to roostd cannot be closed")
        return restartSupervisor(after: .seconds(30))
      }
      startSupervisor()
    }
  }

  private func signalSupervisor(_ signal: Int32) {
    do { try supervisor?.handle.send(signal: signal) } catch { note("supervisor: \(error)") }
  }
}

// MARK: The end

extension RoostDaemon {
  /// How long a supervisor may take to finish what it has begun.
  private static let patience = Duration.seconds(30)

  private func heedSignals() {
    do {
      while let arrival = try signals.next() {
        if arrival.signal == SIGTERM || arrival.signal == SIGINT { stop() }
      }
    } catch {
      note("\(error)")
    }
  }

  /// The first time in order, the second time at once.
  private func stop() {
    if stopping != nil { return signalSupervisor(SIGKILL) }
    stopping = 0
    guard supervisor != nil else { return finish(status: 0) }
    signalSupervisor(SIGTERM)
    loop.after(Self.patience) { [self] in signalSupervisor(SIGKILL) }
  }

  private func finish(status: Int32) {
    self.status = status
    loop.stop()
  }
}
