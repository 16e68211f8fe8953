import Glibc
package import LinuxSystem
import SpawnProtocol

/// Serves one supervisor: makes and ends the sandboxes that it asks for. Requests are checked again here.
package final class Spawner {
  private let host: SandboxHost
  private let loop: EventLoop
  private let volumes: VolumePool
  private let supervisorLost: (String) -> Void
  private var link: SupervisorLink?
  private var sandboxes: [SandboxID: SpawnedSandbox] = [:]
  private var whenEmpty: (() -> Void)?
  /// The limit has been told of, and not left since.
  private var isCrowded = false

  /// - Parameters:
  ///   - socket: SOCK_SEQPACKET to the supervisor; ownership passes.
  ///   - supervisorLost: called once when the socket ends or brings what no supervisor says.
  package init(
    host: SandboxHost, volumes: VolumePool, socket: consuming Descriptor, loop: EventLoop,
    supervisorLost: @escaping (String) -> Void
  ) throws(SystemError) {
    self.host = host
    self.loop = loop
    self.volumes = volumes
    self.supervisorLost = supervisorLost
    let link = try SupervisorLink(socket: socket, loop: loop) { [weak self] in self?.receive($0) }
    self.link = link
    try host.sendTrees(over: link)
  }

  package var count: Int { sandboxes.count }

  /// Ends every sandbox without answering, and gives back what was kept; then calls `done`.
  ///
  /// - Parameter patience: after it `done` is called although some are still there; `nil`: never, since their uids and volumes are not free.
  package func abandonAll(within patience: Duration? = nil, _ done: @escaping () -> Void) {
    link?.close()
    link = nil
    volumes.releaseAllKept()
    whenEmpty = done
    for sandbox in Array(sandboxes.values) { sandbox.handle(.abandoned) }
    if sandboxes.isEmpty { return finishAbandoning() }
    if let patience { loop.after(patience) { [weak self] in self?.giveUp() } }
  }

  private func giveUp() {
    guard whenEmpty != nil else { return }
    note("\(sandboxes.count) sandboxes do not end: left to the kernel, and to the next start")
    finishAbandoning()
  }

  private func receive(_ incoming: SupervisorLink.Incoming) {
    switch incoming {
    case .request(.create(let id, let recipe)): create(id, .function(recipe))
    case .request(.createUnpacker(let id, let hostUserID)): create(id, .unpacker(hostUserID: hostUserID))
    case .request(.kill(let id)): sandboxes[id]?.handle(.killRequested)
    case .request(.destroy(let id, let keepVolume)): destroy(id, keepVolume: keepVolume)
    case .request(.release(let volume)): volumes.release(volume)
    case .end(let reason): supervisorLost(reason)
    }
  }

  private func create(_ id: SandboxID, _ order: SandboxOrder) {
    if let failure = refusal(of: order, id) {
      link?.send(.failed(id, failure))
      return
    }
    let surroundings = SpawnedSandbox.Surroundings(
      host: host, loop: loop, volumes: volumes,
      send: { [weak self] event, descriptors in self?.link?.send(event, descriptors: descriptors) },
      forget: { [weak self] in self?.forget($0) })
    let sandbox = SpawnedSandbox(id: id, order: order, surroundings: surroundings)
    sandboxes[id] = sandbox
    sandbox.begin()
  }

  /// Why a well-formed order is not carried out: a uid that is not for sandboxes, or something that a live sandbox has already;
  /// or one sandbox more than the host may have.
  private func refusal(of order: SandboxOrder, _ id: SandboxID) -> SpawnFailure? {
    guard sandboxes[id] == nil else { return SpawnFailure(step: .refused, errno: EEXIST) }
    guard host.settings.userIDs.contains(order.hostUserID) else { return SpawnFailure(step: .refused, errno: EPERM) }
    guard sandboxes.count < host.settings.sandboxLimit else { return refuseMore() }
    let isTaken = sandboxes.values.contains { sandbox in
      sandbox.order.hostUserID == order.hostUserID || (order.volume != nil && sandbox.order.volume?.id == order.volume?.id)
    }
    return isTaken ? SpawnFailure(step: .refused, errno: EBUSY) : nil
  }

  /// Told once, however often it is asked.
  private func refuseMore() -> SpawnFailure {
    if !isCrowded { note("the supervisor asks for more than \(sandboxes.count) sandboxes at a time: refused (sandbox-limit)") }
    isCrowded = true
    return .tooMany
  }

  /// One that is not there, or no longer, is destroyed already.
  private func destroy(_ id: SandboxID, keepVolume: Bool) {
    guard let sandbox = sandboxes[id] else {
      link?.send(.destroyed(id))
      return
    }
    sandbox.handle(.destroyRequested(keepVolume: keepVolume))
  }

  private func forget(_ id: SandboxID) {
    sandboxes[id] = nil
    isCrowded = false
    if sandboxes.isEmpty, whenEmpty != nil { finishAbandoning() }
  }

  private func finishAbandoning() {
    let done = whenEmpty
    whenEmpty = nil
    volumes.releaseAllKept()
    done?()
  }
}
