import Glibc
package import LinuxSystem
package import SpawnProtocol

/// The `/tmp` volumes of a roostd: some ready before they are wanted, those that a reset keeps, and the rest in sandboxes.
///
/// A volume serves one environment and is never used again.
package final class VolumePool {
  package typealias Receiver = (Result<Volume, SystemError>) -> Void

  /// An order that can be taken back.
  package struct Ticket: Hashable { fileprivate let number: UInt64 }

  /// A volume holds a loop device, descriptors and disk space; no supervisor gets them without bound.
  package static let waitingLimit = 256
  package static let keptLimit = 1024

  private let loop: EventLoop
  private let maker: VolumeMaker
  private let workshop: VolumeWorkshop
  private var demand: VolumeDemand
  private var ready: [UInt32: [Volume]] = [:]
  /// Being made for nobody yet.
  private var ordered: [UInt32: Int] = [:]
  private var waiting: [(ticket: Ticket, megabytes: UInt32, receive: Receiver)] = []
  private var ticketCount: UInt64 = 0
  private var kept: [VolumeID: Volume] = [:]
  private var watch: EventLoop.Token?
  private var refill: EventLoop.Token?
  private var oblivion: EventLoop.Token?

  /// Begins to make as many volumes as the host's settings want ready, with their files in its `volumes` directory.
  package init(host: SandboxHost, loop: EventLoop) throws(SystemError) {
    self.loop = loop
    demand = VolumeDemand(target: host.settings.volumePool, growth: host.settings.volumePoolGrowth)
    maker = try VolumeMaker(host.settings, in: host.volumes)
    workshop = try VolumeWorkshop(maker)
    try workshop.start()
    watch = try loop.watch(workshop.notice) { [weak self] in self?.collect() }
    orderMissing()
  }

  /// How many of a size can be taken at once.
  package func readyCount(megabytes: UInt32 = 512) -> Int { ready[megabytes]?.count ?? 0 }

  /// Calls `receive` with a fresh volume, now if one is ready; with EAGAIN when too many wait already, and with ENOSPC when the disk is
  /// nearly full.
  ///
  /// - Returns: while it has not been called, what ``cancel(_:)`` takes.
  package func take(megabytes: UInt32, _ receive: @escaping Receiver) -> Ticket? {
    do { try maker.checkSpace() } catch {
      note("no environment: \(error)")
      receive(.failure(error))
      return nil
    }
    let volume = ready[megabytes]?.popLast()
    demand.note(megabytes, missed: volume == nil, at: .now)
    // Even when nothing is taken: an order that failed is tried again.
    refillLater()
    if let volume {
      receive(.success(volume))
      return nil
    }
    guard waiting.count < Self.waitingLimit else {
      receive(.failure(SystemError(call: "order", object: "/tmp volume", errno: EAGAIN)))
      return nil
    }
    ticketCount += 1
    let ticket = Ticket(number: ticketCount)
    waiting.append((ticket, megabytes, receive))
    workshop.order(.make(megabytes: megabytes))
    return ticket
  }

  /// Nobody waits for it any more: what is not begun is not made, and what is becomes one that is ready, if that is wanted.
  package func cancel(_ ticket: Ticket) {
    guard let index = waiting.firstIndex(where: { $0.ticket == ticket }) else { return }
    let megabytes = waiting.remove(at: index).megabytes
    if !workshop.withdraw(megabytes: megabytes) { ordered[megabytes, default: 0] += 1 }
  }

  package func drop(_ volume: Volume) { workshop.drop(volume) }

  /// Drops all that is here and ends the thread. Who still waits hears nothing any more.
  package func close() {
    for token in [watch, refill, oblivion] { if let token { loop.cancel(token) } }
    watch = nil
    for volume in ready.values.joined() { drop(volume) }
    ready = [:]
    releaseAllKept()
    waiting = []
    workshop.stop()
  }

  private func collect() {
    for (megabytes, outcome) in workshop.collect() {
      if let index = waiting.firstIndex(where: { $0.megabytes == megabytes }) {
        waiting.remove(at: index).receive(outcome)
        continue
      }
      ordered[megabytes, default: 0] -= 1
      switch outcome {
      case .success(let volume) where readyCount(megabytes: megabytes) < demand.wanted(megabytes):
        ready[megabytes, default: []].append(volume)
      case .success(let volume): drop(volume)
      case .failure(let error): note("no /tmp volume could be made ready: \(error)")
      }
    }
  }
}

// MARK: What a reset keeps

extension VolumePool {
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
}

// MARK: What is kept ready

extension VolumePool {
  /// After a pause: what is to be done for a sandbox that is starting now goes first.
  private func refillLater() {
    guard refill == nil else { return }
    refill = loop.after(.milliseconds(20)) { [weak self] in
      self?.refill = nil
      self?.orderMissing()
    }
  }

  private func orderMissing() {
    forgetLater()
    // On a disk that is nearly full nobody may have one.
    do { try maker.checkSpace() } catch { return }
    for megabytes in demand.sizes.sorted() {
      while readyCount(megabytes: megabytes) + ordered[megabytes, default: 0] < demand.wanted(megabytes) {
        ordered[megabytes, default: 0] += 1
        workshop.order(.make(megabytes: megabytes))
      }
    }
  }

  private func forgetLater() {
    guard oblivion == nil, let instant = demand.forget(at: .now) else { return }
    oblivion = loop.after(ContinuousClock.now.duration(to: instant)) { [weak self] in
      self?.oblivion = nil
      self?.dropUnwanted()
    }
  }

  private func dropUnwanted() {
    forgetLater()
    for (megabytes, volumes) in ready {
      let surplus = volumes.count - demand.wanted(megabytes)
      guard surplus > 0 else { continue }
      for volume in volumes.suffix(surplus) { drop(volume) }
      ready[megabytes] = volumes.dropLast(surplus)
    }
  }
}
