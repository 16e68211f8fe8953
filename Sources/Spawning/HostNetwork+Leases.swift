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

private func digits(_ number: UInt32, _ count: Int) -> String {
  let text = String(number, radix: 16)
  return String(repeating: "0", count: max(0, count - text.count)) + text
}
