import Glibc
import LinuxSystem
import SpawnProtocol

/// One sandbox, from request to removal: does what its ``SandboxLifecycle`` decides.
final class SpawnedSandbox {
  /// What a sandbox needs of the spawner that it belongs to.
  struct Surroundings {
    let host: SandboxHost
    let loop: EventLoop
    let volumes: VolumePool
    let send: (SpawnEvent, consuming DescriptorList) -> Void
    let forget: (SandboxID) -> Void
  }

  /// A healthy child needs milliseconds.
  static let setUpLimit = Duration.seconds(20)

  let id: SandboxID
  let recipe: SandboxRecipe
  private let surroundings: Surroundings
  private let arrival = ContinuousClock.now
  private var lifecycle: SandboxLifecycle
  private var volume: Volume?
  private var volumeWasKept = false
  private var wasAnnounced = false
  private var group: ControlGroup?
  private var child: SandboxChild?
  private let handOver = HandOver()
  private var processWatch: EventLoop.Token?
  private var setupWatch: EventLoop.Token?
  private var deadline: EventLoop.Token?

  init(id: SandboxID, recipe: SandboxRecipe, surroundings: Surroundings) {
    self.id = id
    self.recipe = recipe
    self.surroundings = surroundings
    lifecycle = SandboxLifecycle(id: id)
  }

  /// Takes a volume and begins.
  func begin() {
    if let kept = surroundings.volumes.takeKept(recipe.volume) {
      volumeWasKept = true
      return volumeArrived(.success(kept))
    }
    surroundings.volumes.take(megabytes: recipe.volumeMegabytes) { [self] in volumeArrived($0) }
  }

  func handle(_ input: SandboxLifecycle.Input) {
    for action in lifecycle.handle(input) { perform(action) }
  }

  private func volumeArrived(_ outcome: Result<Volume, SystemError>) {
    switch outcome {
    case .failure(let error): handle(.couldNotStart(SpawnFailure(step: .prepareVolume, errno: error.errno)))
    case .success(let volume):
      guard lifecycle.state == .awaitingVolume else { return surroundings.volumes.drop(volume) }
      self.volume = volume
      handle(.volumeArrived)
    }
  }

  private func perform(_ action: SandboxLifecycle.Action) {
    switch action {
    case .start: start()
    case .writeMaps: attempt { () throws(SpawnFailure) in try child?.writeMaps(hostUserID: recipe.hostUserID) }
    case .handOver: attempt { () throws(SpawnFailure) in try announce() }
    case .kill: kill()
    case .answer(let event): surroundings.send(event, DescriptorList())
    case .remove(let keepVolume, let answers): remove(keepVolume: keepVolume, answers: answers, attemptsLeft: 400)
    }
  }

  private func attempt(_ body: () throws(SpawnFailure) -> Void) {
    do { try body() } catch { handle(.stepFailed(error)) }
  }
}

// MARK: Making

extension SpawnedSandbox {
  private func start() {
    do {
      try cloneChild()
    } catch {
      return handle(.couldNotStart(error))
    }
    deadline = surroundings.loop.after(Self.setUpLimit) { [weak self] in self?.handle(.stepFailed(.tooSlow)) }
    attempt { () throws(SpawnFailure) in
      try failing(at: .handshake) { () throws(SystemError) in try watchChild() }
      // Beside the child, which has enough to do until then.
      if let group { try failing(at: .makeControlGroup) { () throws(SystemError) in try handOver.append(filesOf: group) } }
    }
  }

  private func cloneChild() throws(SpawnFailure) {
    guard let volume else { throw SpawnFailure(step: .prepareVolume, errno: ENOENT) }
    let host = surroundings.host
    let root = try host.mountRoot(of: recipe)
    let temporary = try failing(at: .prepareVolume) { () throws(SystemError) in try volume.mount() }
    let group = try failing(at: .makeControlGroup) { () throws(SystemError) in
      try ControlGroup.make(
        in: host.controlGroups, name: "\(id.number)", memoryBytes: recipe.memoryBytes, processLimit: recipe.processLimit)
    }
    self.group = group
    child = try SandboxChild(host: host, recipe: recipe, group: group, root: root, temporary: temporary, handOver: handOver)
  }

  private func watchChild() throws(SystemError) {
    guard let child else { return }
    processWatch = try surroundings.loop.watch(child.process.descriptor.rawValue) { [weak self] in self?.reap() }
    setupWatch = try surroundings.loop.watch(child.setupDescriptor) { [weak self] in self?.hear() }
    handOver.append(try child.process.descriptor.duplicate(), as: .process)
  }

  /// Reads the set-up socket as far as there is something.
  private func hear() {
    attempt { () throws(SpawnFailure) in
      while setupWatch != nil, let child {
        switch try child.nextReport() {
        case .none: return
        case .mapsWanted(let listener):
          handOver.append(listener, as: .listener)
          handle(.mapsWanted)
        case .failed(let failure): handle(.stepFailed(failure))
        case .ended:
          endSetUp()
          handle(.executed)
        }
      }
    }
  }

  private func endSetUp() {
    for token in [setupWatch, deadline] { if let token { surroundings.loop.cancel(token) } }
    setupWatch = nil
    deadline = nil
  }

  /// Every descriptor leaves roostd, which keeps a pidfd of its own.
  private func announce() throws(SpawnFailure) {
    guard let child, let group, let freezer = group.freezer, let memory = group.version(of: .memory),
      let cpu = group.version(of: .cpu)
    else { throw SpawnFailure(step: .makeControlGroup, errno: ENODEV) }
    let created = CreatedSandbox(
      hostProcessID: UInt32(child.process.processID), freezer: freezer == .v2 ? .v2 : .v1,
      memory: ControllerKind(memory), cpu: ControllerKind(cpu), roles: handOver.roles,
      microseconds: UInt32(clamping: (ContinuousClock.now - arrival).wholeMicroseconds))
    wasAnnounced = true
    surroundings.send(.created(id, created), handOver.takeDescriptors())
  }
}

// MARK: Ending

extension SpawnedSandbox {
  /// PID 1 takes all others with it. Tasks frozen by v1 die when they are thawed, by v2 at once.
  private func kill() {
    do {
      try child?.process.send(signal: SIGKILL)
      if group?.freezer == .v1 { try group?.thaw() }
    } catch {
      note("sandbox \(id.number) cannot be killed: \(error)")
    }
  }

  private func reap() {
    do {
      guard try child?.process.reap() != nil else { return }
    } catch {
      note("sandbox \(id.number): \(error)")
    }
    if let processWatch { surroundings.loop.cancel(processWatch) }
    processWatch = nil
    // What the child said before its end comes first.
    hear()
    endSetUp()
    handle(.processEnded)
  }

  /// The groups are empty once PID 1 is reaped, but the kernel may need a moment to see it.
  private func remove(keepVolume: Bool, answers: [SpawnEvent], attemptsLeft: Int) {
    do {
      try group?.remove(within: .zero)
    } catch where error.errno == EBUSY && attemptsLeft > 0 {
      surroundings.loop.after(.milliseconds(5)) { [self] in
        remove(keepVolume: keepVolume, answers: answers, attemptsLeft: attemptsLeft - 1)
      }
      return
    } catch {
      note("sandbox \(id.number): control group left behind: \(error)")
    }
    giveVolumeBack(keep: keepVolume)
    child = nil
    group = nil
    surroundings.forget(id)
    for answer in answers { surroundings.send(answer, DescriptorList()) }
  }

  /// A volume that an earlier sandbox left for this one stays for the next when this one cannot be made.
  private func giveVolumeBack(keep: Bool) {
    guard let volume = volume.take() else { return }
    if keep || (volumeWasKept && !wasAnnounced) {
      surroundings.volumes.keep(volume, as: recipe.volume)
    } else {
      surroundings.volumes.drop(volume)
    }
  }
}

extension ControllerKind {
  fileprivate init(_ version: ControlGroupLayout.Hierarchy.Version) {
    switch version {
    case .v1: self = .v1
    case .v2: self = .v2
    }
  }
}

extension Duration {
  fileprivate var wholeMicroseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}
