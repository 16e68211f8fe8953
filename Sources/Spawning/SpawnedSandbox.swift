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
  let order: SandboxOrder
  let surroundings: Surroundings
  let arrival = ContinuousClock.now
  private var lifecycle: SandboxLifecycle
  var volume: Volume?
  /// While it waits for one.
  var volumeTicket: VolumePool.Ticket?
  var volumeWasKept = false
  var wasAnnounced = false
  /// The child has its maps and goes on to execve.
  var isAdmitted = false
  private(set) lazy var groupNumber = surroundings.host.newGroupNumber()
  var group: ControlGroup?
  var network: HostNetwork.Lease?
  var child: SandboxChild?
  let handOver = HandOver()
  var processWatch: EventLoop.Token?
  var setupWatch: EventLoop.Token?
  var deadline: EventLoop.Token?

  init(id: SandboxID, order: SandboxOrder, surroundings: Surroundings) {
    self.id = id
    self.order = order
    self.surroundings = surroundings
    lifecycle = SandboxLifecycle(id: id)
  }

  /// Takes a volume, if one is wanted, and begins.
  func begin() {
    guard let wanted = order.volume else { return handle(.volumeArrived) }
    if let kept = surroundings.volumes.takeKept(wanted.id) {
      volumeWasKept = true
      return volumeArrived(.success(kept))
    }
    volumeTicket = surroundings.volumes.take(megabytes: wanted.megabytes) { [self] in volumeArrived($0) }
  }

  func handle(_ input: SandboxLifecycle.Input) {
    for action in lifecycle.handle(input) { perform(action) }
  }

  private func volumeArrived(_ outcome: Result<Volume, SystemError>) {
    volumeTicket = nil
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
    case .writeMaps: attempt { () throws(SpawnFailure) in try writeMaps() }
    case .handOver: attempt { () throws(SpawnFailure) in try announce() }
    case .kill: kill()
    case .answer(let event): surroundings.send(event, DescriptorList())
    case .remove(let keepVolume, let answers): remove(keepVolume: keepVolume, answers: answers, attemptsLeft: 400)
    }
  }

  func attempt(_ body: () throws(SpawnFailure) -> Void) {
    do { try body() } catch { handle(.stepFailed(error)) }
  }
}
