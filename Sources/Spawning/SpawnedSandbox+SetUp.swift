import Glibc
import LinuxSystem
import SpawnProtocol

extension SpawnedSandbox {
  func start() {
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
    let host = surroundings.host
    let root = try host.mountRoot(of: order)
    let temporary = try failing(at: .prepareVolume) { () throws(SystemError) in try volume?.mount() }
    let group = try failing(at: .makeControlGroup) { () throws(SystemError) in
      try ControlGroup.make(
        in: host.controlGroups, name: "\(groupNumber)", memoryBytes: order.memoryBytes, processLimit: order.processLimit)
    }
    self.group = group
    network = try admitToNetwork()
    child = try SandboxChild(
      host: host, order: order, group: group, root: root, temporary: temporary, network: network, handOver: handOver)
  }

  /// Before the child makes its device: no packet ever finds it without a policy. ENETDOWN: this host has no network for sandboxes, as
  /// was said at its start.
  private func admitToNetwork() throws(SpawnFailure) -> HostNetwork.Lease? {
    guard order.network != .none else { return nil }
    guard let network = surroundings.host.network else { throw SpawnFailure(step: .admitToNetwork, errno: ENETDOWN) }
    return try network.admit(order.network)
  }

  private func watchChild() throws(SystemError) {
    guard let child else { return }
    processWatch = try surroundings.loop.watch(child.process.descriptor.rawValue) { [weak self] in self?.reap() }
    setupWatch = try surroundings.loop.watch(child.setupDescriptor) { [weak self] in self?.hear() }
    handOver.append(try child.process.descriptor.duplicate(), as: .process)
  }

  /// Reads the set-up socket as far as there is something.
  func hear() {
    attempt { () throws(SpawnFailure) in
      while setupWatch != nil, let child {
        switch try child.nextReport() {
        case .none: return
        case .mapsWanted(let listener):
          handOver.append(listener, as: .listener)
          handle(.mapsWanted)
        case .failed(let failure): handle(.stepFailed(failure))
        case .ended(let certainlyDead):
          endSetUp()
          // A child that was killed closes the socket as well. Before it was let on that cannot be taken for execve.
          if isAdmitted && !certainlyDead { handle(.executed) }
        }
      }
    }
  }

  func writeMaps() throws(SpawnFailure) {
    do {
      try child?.writeMaps(hostUserID: order.hostUserID)
      isAdmitted = true
    } catch  where error.errno == EPIPE {
      // It is gone. What it has said of that, or else its end, is still to come.
    }
  }

  func endSetUp() {
    for token in [setupWatch, deadline] { if let token { surroundings.loop.cancel(token) } }
    setupWatch = nil
    deadline = nil
    child?.endSetUp()
  }

  /// Every descriptor leaves roostd, which keeps a pidfd of its own, and what it kills by.
  func announce() throws(SpawnFailure) {
    guard let child, let group, let freezer = group.freezer, let memory = group.version(of: .memory),
      let cpu = group.version(of: .cpu)
    else { throw SpawnFailure(step: .makeControlGroup, errno: ENODEV) }
    let created = CreatedSandbox(
      hostProcessID: UInt32(child.process.processID), group: groupNumber, freezer: freezer == .v2 ? .v2 : .v1,
      memory: ControllerKind(memory), cpu: ControllerKind(cpu), roles: handOver.roles,
      microseconds: UInt32(clamping: (ContinuousClock.now - arrival).wholeMicroseconds))
    wasAnnounced = true
    self.group = group.onlyForKilling
    surroundings.send(.created(id, created), handOver.takeDescriptors())
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
