import Glibc
package import LinuxSystem
package import SpawnProtocol

/// The `/tmp` volumes of a roostd: some ready before they are wanted, those that a reset keeps, and the rest in sandboxes.
///
/// A volume serves one environment and is never used again.
package final class VolumePool {
  package typealias Receiver = (Result<Volume, SystemError>) -> Void

  /// The size that is kept ready; Lambda's default, hence nearly everybody's.
  package static let pooledMegabytes: UInt32 = 512

  /// A volume holds a loop device, descriptors and disk space; no supervisor gets them without bound.
  package static let waitingLimit = 256
  package static let keptLimit = 1024

  private let loop: EventLoop
  private let workshop: VolumeWorkshop
  private let target: Int
  private var ready: [Volume] = []
  private var ordered = 0
  private var waiting: [(megabytes: UInt32, receive: Receiver)] = []
  private var kept: [VolumeID: Volume] = [:]
  private var watch: EventLoop.Token?
  private var refill: EventLoop.Token?

  /// Begins to make as many volumes as the host's settings want ready, with their files in its `volumes` directory.
  package init(host: SandboxHost, loop: EventLoop) throws(SystemError) {
    self.loop = loop
    target = host.settings.volumePool
    workshop = try VolumeWorkshop(directory: host.volumes)
    try workshop.start()
    watch = try loop.watch(workshop.notice) { [weak self] in self?.collect() }
    orderMissing()
  }

  /// How many can be taken at once.
  package var readyCount: Int { ready.count }

  /// Calls `receive` with a fresh volume, now if one is ready; with EAGAIN when too many wait already.
  package func take(megabytes: UInt32, _ receive: @escaping Receiver) {
    if megabytes == Self.pooledMegabytes {
      // Even when nothing is taken: an order that failed is tried again.
      refillLater()
      if let volume = ready.popLast() { return receive(.success(volume)) }
    }
    guard waiting.count < Self.waitingLimit else {
      return receive(.failure(SystemError(call: "order", object: "/tmp volume", errno: EAGAIN)))
    }
    waiting.append((megabytes, receive))
    workshop.order(.make(megabytes: megabytes))
  }

  package func drop(_ volume: Volume) { workshop.drop(volume) }

  /// Keeps the volume for the next sandbox that asks for it by `id`; drops it when too many are kept, or what was kept as `id` before.
  package func keep(_ volume: Volume, as id: VolumeID) {
    guard kept.count < Self.keptLimit else { return drop(volume) }
    if let former = kept.updateValue(volume, forKey: id) { drop(former) }
  }

  package func takeKept(_ id: VolumeID) -> Volume? { kept.removeValue(forKey: id) }

  package func release(_ id: VolumeID) {
    if let volume = takeKept(id) { drop(volume) }
  }

  /// Their supervisor is gone.
  package func releaseAllKept() {
    for volume in kept.values { drop(volume) }
    kept = [:]
  }

  /// Drops all that is here and ends the thread. Who still waits hears nothing any more.
  package func close() {
    for token in [watch, refill] { if let token { loop.cancel(token) } }
    watch = nil
    for volume in ready + kept.values { drop(volume) }
    ready = []
    kept = [:]
    waiting = []
    workshop.stop()
  }

  private func collect() {
    for (megabytes, outcome) in workshop.collect() {
      if let index = waiting.firstIndex(where: { $0.megabytes == megabytes }) {
        waiting.remove(at: index).receive(outcome)
        continue
      }
      ordered -= 1
      switch outcome {
      case .success(let volume): ready.append(volume)
      case .failure(let error): note("no /tmp volume could be made ready: \(error)")
      }
    }
  }

  /// After a pause: what is to be done for a sandbox that is starting now goes first.
  private func refillLater() {
    guard refill == nil else { return }
    refill = loop.after(.milliseconds(20)) { [weak self] in
      self?.refill = nil
      self?.orderMissing()
    }
  }

  private func orderMissing() {
    while ready.count + ordered < target {
      ordered += 1
      workshop.order(.make(megabytes: Self.pooledMegabytes))
    }
  }
}
