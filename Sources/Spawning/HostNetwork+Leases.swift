import CSandbox
import Glibc
import LinuxSystem
import SpawnProtocol

// An address goes round: free, leased to a sandbox, out of all sets, its connections forgotten, free. Who is late at any point keeps it from
// its next owner, and nothing else.

extension HostNetwork {
  /// What one sandbox has of the network.
  final class Lease {
    let address: IPv4Address
    let deviceName: String
    let elements: [NetfilterTable.Element]

    init(address: IPv4Address, deviceName: String, elements: [NetfilterTable.Element]) {
      self.address = address
      self.deviceName = deviceName
      self.elements = elements
    }
  }

  /// An address, and the policy for it in force; `nil` for none.
  ///
  /// ENETDOWN: somebody has removed the table, and it cannot be made again. EPERM: the configuration has no such policy. EADDRNOTAVAIL: every
  /// address is somebody's.
  func admit(_ choice: NetworkPolicyChoice) throws(SpawnFailure) -> Lease? {
    guard let sets = try policySets(choice) else { return nil }
    guard !isMissing else { throw SpawnFailure(step: .admitToNetwork, errno: ENETDOWN) }
    guard let address = takeAddress() else { throw SpawnFailure(step: .admitToNetwork, errno: EADDRNOTAVAIL) }
    let lease = newLease(of: address, sets)
    do { try admit(lease) } catch {
      // It may have been done all the same, and only the answer is lost.
      withdrawOrNote(lease)
      tidySoon()
      throw SpawnFailure(step: .admitToNetwork, errno: error.errno)
    }
    leases[address] = lease
    return lease
  }

  private func newLease(of address: IPv4Address, _ sets: [String]) -> Lease {
    names = (names + 1) & 0xF_FFFF
    let name = "roost\(digits(group & 0xFFFF, 4))-\(digits(names, 5))"
    let elements =
      [NetfilterTable.Element(set: NetworkRuleset.sandboxes, device: name, address: address)]
      + sets.map { NetfilterTable.Element(set: $0, address: address) }
    return Lease(address: address, deviceName: name, elements: elements)
  }

  /// A table that somebody has removed, of which we have not been told yet, is made first.
  private func admit(_ lease: Lease) throws(SystemError) {
    do { try table.add(lease.elements) } catch  where error.errno == ENOENT {
      mend()
      guard !isMissing else { throw SystemError(call: "add element", object: "table \(table.name)", errno: ENETDOWN) }
      try table.add(lease.elements)
    }
  }

  func describe(_ lease: Lease, in link: inout csandbox_link) {
    link.host = namespace.rawValue
    link.address = lease.address.number
    link.group = group
    link.mtu = mtu
    unsafe withUnsafeMutableBytes(of: &link.name) { place in
      unsafe place.copyBytes(from: lease.deviceName.utf8.prefix(15))
    }
  }

  /// Which sets a choice makes it a member of. EPERM: the configuration has no such thing.
  private func policySets(_ choice: NetworkPolicyChoice) throws(SpawnFailure) -> [String]? {
    switch choice {
    case .none: return nil
    case .nat where settings.defaultEgress == .nat: return []
    case .subnet(let subnet, let groups)
    where settings.subnets.indices.contains(Int(subnet)) && settings.subnets[Int(subnet)].egress == .nat
      && groups.allSatisfy { settings.groups.indices.contains(Int($0)) }:
      return [NetworkRuleset.subnet(subnet)] + groups.map(NetworkRuleset.group)
    case .nat, .subnet: throw SpawnFailure(step: .admitToNetwork, errno: EPERM)
    }
  }

  /// With all addresses in use, those that wait are waited for.
  private func takeAddress() -> IPv4Address? {
    if let address = addresses.take() { return address }
    retrySpoiled()
    handToForgetter(waiting: true)
    return addresses.take()
  }
}

// MARK: The way back

extension HostNetwork {
  /// How long the addresses of ended sandboxes are gathered: looking through the host's connections costs the same for one and for all.
  private static let gathering = Duration.milliseconds(500)
  /// After something went wrong.
  private static let pause = Duration.seconds(1)

  /// From now on no packet of it passes. The connections that it had are forgotten in a moment, and then its address may be another's.
  func dismiss(_ lease: Lease) {
    leases[lease.address] = nil
    withdrawOrNote(lease)
    tidySoon()
  }

  private func withdrawOrNote(_ lease: Lease) {
    if let error = withdraw(lease) {
      note("network of \(lease.deviceName): \(error); its address \(lease.address) is not used again before it is out of the table")
    }
  }

  /// Takes it out of the sets; that it is in none is certain afterwards, or it is spoiled for the reason that is returned.
  private func withdraw(_ lease: Lease) -> SystemError? {
    do {
      try remove(lease.elements)
      departed.insert(lease.address)
      return nil
    } catch {
      spoiled.append(lease)
      return error
    }
  }

  private func remove(_ elements: [NetfilterTable.Element]) throws(SystemError) {
    do { try table.remove(elements) } catch  where error.errno == ENOENT {
      // One was missing, and so all stayed.
      for element in elements {
        do { try table.remove([element]) } catch  where error.errno == ENOENT {}
      }
    }
  }

  private func retrySpoiled() {
    let again = spoiled
    spoiled = []
    // Why it cannot be done was said the first time.
    for lease in again { _ = withdraw(lease) }
  }

  /// Nobody waits for it, so that it costs no sandbox anything.
  func tidySoon(after delay: Duration = gathering) {
    guard let keeping, keeping.tidying == nil else { return }
    self.keeping?.tidying = keeping.loop.after(delay) { [weak self] in
      self?.keeping?.tidying = nil
      self?.tidy()
    }
  }

  private func tidy() {
    retrySpoiled()
    handToForgetter()
    if !spoiled.isEmpty || !departed.isEmpty { tidySoon(after: Self.pause) }
  }

  /// - Parameter waiting: until what it has now, and what it is handed, is done.
  private func handToForgetter(waiting: Bool = false) {
    guard let forgetter else {
      addresses.give(back: departed)
      departed = []
      return
    }
    if waiting { heedForgetter(waiting: true) }
    guard !departed.isEmpty, forgetter.forget(departed) else { return }
    departed = []
    if waiting { heedForgetter(waiting: true) }
  }

  /// Takes the forgetter's word for what it was handed last.
  func heedForgetter(waiting: Bool = false) {
    guard let outcome = forgetter?.outcome(waiting: waiting) else { return }
    if let error = outcome.error {
      note("network: connections of functions that ended are still there: \(error)")
      departed.formUnion(outcome.addresses)
      tidySoon(after: Self.pause)
    } else {
      addresses.give(back: outcome.addresses)
    }
  }
}

private func digits(_ number: UInt32, _ count: Int) -> String {
  let text = String(number, radix: 16)
  return String(repeating: "0", count: max(0, count - text.count)) + text
}
