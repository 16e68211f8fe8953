import CSandbox
import Glibc
package import LinuxSystem
import SpawnProtocol

/// The way out of sandboxes, on the host's side: an nftables table, a range of addresses, and forwarding.
///
/// All of it is named so that a start after `kill -9` finds its own and nobody else's: the table by the control groups' name, devices by
/// their group, the range by its route's metric (both a hash of the state directory's path).
package final class HostNetwork {
  /// Why no sandbox of this run can have a way out.
  package struct Unavailable: Error, CustomStringConvertible {
    package let description: String
  }

  private let settings: NetworkSettings
  let table: NetfilterTable
  let links: Links
  let group: UInt32
  let ruleset: NetworkRuleset
  let watch: NetfilterWatch
  /// While the policy is kept: see ``keepPolicy(on:)``.
  var keeping: (loop: EventLoop, token: EventLoop.Token)?
  private let connections: ConnectionTable
  private let forwarding: Forwarding
  private let pool: IPv4Network
  private let mtu: UInt32
  /// The network namespace of roostd.
  let namespace: Descriptor
  /// By address.
  private(set) var leases: [UInt32: Lease] = [:]
  /// Addresses that may still be in some set: their next owner would have the policies of both.
  var spoiled: Set<UInt32> = []
  private var forgetsConnections = true
  private var latest: UInt32 = 0
  private var names: UInt32 = 0

  /// Clears up after an earlier run of the same `name`, and makes what `settings` need.
  ///
  /// - Parameter name: of the control groups, as in `roost-1a2b3c4d`.
  package init(settings: NetworkSettings, name: String) throws {
    self.settings = settings
    let leftovers = try NetworkLeftovers(name: name)
    try leftovers.reapDevices()
    table = leftovers.table
    links = leftovers.links
    group = leftovers.group
    namespace = try Descriptor.open("/proc/thread-self/ns/net", flags: O_RDONLY)
    watch = try NetfilterWatch(table: name)
    connections = try ConnectionTable()
    mtu = try links.uplinkMTU() ?? 1500
    pool = try Self.claim(settings.pool, as: leftovers)
    do {
      forwarding = try Forwarding(managed: settings.managesForwarding, table: table)
      ruleset = NetworkRuleset(
        table: name, group: group, pool: pool, settings: settings, dropsForeignForwarding: forwarding.isOurs,
        connectionLimit: try Self.conntrackLimit())
      try Self.load(ruleset.text)
      // What it replaced is no loss.
      _ = try watch.tellsOfLoss()
      try forwarding.turnOn()
    } catch {
      try leftovers.reap()
      throw error
    }
  }

  /// The network as configured; `nil` where no sandbox is to have a way out, and, after loud words, where the host has none to give.
  package static func forSandboxes(_ settings: NetworkSettings, name: String) -> HostNetwork? {
    guard settings.wantsNAT else { return nil }
    do {
      return try HostNetwork(settings: settings, name: name)
    } catch {
      note("NO NETWORK FOR FUNCTIONS: \(error)")
      note("hint: functions whose egress is nat fail to start until this is mended; configure egress none to do without")
      return nil
    }
  }

  /// Removes everything but the devices, which end with their sandboxes.
  package func remove() throws(SystemError) {
    stopKeeping()
    try forwarding.turnOff(table)
    try table.delete()
    try links.deleteUnreachable(pool, priority: group)
  }

  /// Loads the ruleset with the `nft` program, whose words on failure are kept.
  static func load(_ ruleset: String) throws {
    let program = "/usr/sbin/nft"
    guard unsafe access(program, X_OK) == 0 else { throw Unavailable(description: "\(program) is missing: install nftables") }
    let file = try Descriptor.memoryFile(ruleset)
    let complaint = try Pipe()
    let process = try Privileges.lending("NET_ADMIN") { () throws(SystemError) in
      try ChildProcess(program: program, arguments: ["-f", "-"], input: file.rawValue, output: complaint.writeEnd.rawValue)
    }
    let text = try complaint.finishedText()
    guard try process.wait() == .code(0) else {
      throw Unavailable(description: "nft: \(text.split(separator: "\n").first ?? "failed without a word")")
    }
  }

  /// Connection tracking must be there before its limit is: the table brings it along, so a kernel that has not loaded it says nothing.
  private static func conntrackLimit() throws(SystemError) -> UInt32 {
    do {
      let text = try Descriptor.open("/proc/sys/net/netfilter/nf_conntrack_max", flags: O_RDONLY).readText()
      return max(UInt32(text.prefix { $0.isNumber }) ?? 65_536, 4_096)
    } catch  where error.errno == ENOENT {
      return 65_536
    }
  }
}

// MARK: Addresses

extension HostNetwork {
  /// Where ranges are looked for when none is configured: set aside for measuring networks (RFC 2544), so hardly anybody's.
  private static let commons = IPv4Network(IPv4Address(0xC612_0000), prefixLength: 15)
  private static let ownLength: UInt8 = 20

  /// Takes a range that no route or address of the host overlaps, and says so with a route of its own.
  private static func claim(_ wanted: IPv4Network?, as own: NetworkLeftovers) throws -> IPv4Network {
    if let wanted {
      guard try claim(wanted, own) else { throw Unavailable(description: "network pool \(wanted): the host uses addresses in it already") }
      return wanted
    }
    let count = UInt32(commons.count >> (32 - UInt64(ownLength)))
    for offset in 0..<count {
      let block = (own.group &+ offset) % count
      let candidate = IPv4Network(IPv4Address(commons.first.number + block << (32 - UInt32(ownLength))), prefixLength: ownLength)
      if try claim(candidate, own) { return candidate }
    }
    throw Unavailable(description: "no addresses for sandboxes: \(commons) is in use; configure a network pool")
  }

  /// Looks again afterwards: two may have found it free.
  private static func claim(_ network: IPv4Network, _ own: NetworkLeftovers) throws -> Bool {
    guard try own.links.isFree(network, but: own.group) else { return false }
    try own.links.addUnreachable(network, priority: own.group)
    if try own.links.isFree(network, but: own.group) { return true }
    try own.links.deleteUnreachable(network, priority: own.group)
    return false
  }

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
  func admit(_ choice: NetworkPolicyChoice) throws(SpawnFailure) -> Lease? {
    let sets = try policySets(choice)
    guard let sets else { return nil }
    guard let number = nextFree() else { throw SpawnFailure(step: .admitToNetwork, errno: EADDRNOTAVAIL) }
    let address = IPv4Address(number)
    names = (names + 1) & 0xF_FFFF
    let name = "roost\(digits(group & 0xFFFF, 4))-\(digits(names, 5))"
    let elements =
      [NetfilterTable.Element(set: NetworkRuleset.sandboxes, device: name, address: address)]
      + sets.map { NetfilterTable.Element(set: $0, address: address) }
    let lease = Lease(address: address, deviceName: name, elements: elements)
    try failing(at: .admitToNetwork) { () throws(SystemError) in try admit(lease) }
    leases[number] = lease
    return lease
  }

  /// A table that somebody has removed, of which we have not been told yet, is made first.
  private func admit(_ lease: Lease) throws(SystemError) {
    do { try table.add(lease.elements) } catch  where error.errno == ENOENT {
      mend()
      try table.add(lease.elements)
    }
  }

  /// From now on no packet of it passes, and the connections that it had are nobody's: they neither count nor wait for the address's next owner.
  func dismiss(_ lease: Lease) {
    leases[lease.address.number] = nil
    do { try table.remove(lease.elements) } catch {
      note("network of \(lease.deviceName): \(error); its address \(lease.address) is not used again")
      spoiled.insert(lease.address.number)
    }
    guard forgetsConnections else { return }
    do { try connections.forget(source: lease.address) } catch {
      note("network: connections of functions that ended stay until they time out: \(error)")
      // A kernel without it; anything else may be better the next time.
      if [EOPNOTSUPP, EPROTONOSUPPORT, EINVAL].contains(error.errno) { forgetsConnections = false }
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

  /// The longest unused, so that what is still under way to the last owner finds nobody. Neither the first nor the last of the range.
  private func nextFree() -> UInt32? {
    let usable = UInt32(pool.count) - 2
    for _ in 0..<usable {
      latest = latest % usable + 1
      let number = pool.first.number + latest
      if leases[number] == nil, !spoiled.contains(number) { return number }
    }
    return nil
  }
}

private func digits(_ number: UInt32, _ count: Int) -> String {
  let text = String(number, radix: 16)
  return String(repeating: "0", count: max(0, count - text.count)) + text
}

extension Pipe {
  /// Everything that others write until they have closed it.
  fileprivate consuming func finishedText() throws(SystemError) -> String {
    let end = closingWriteEnd()
    return String(decoding: try end.readAll(limit: 1 << 16), as: UTF8.self)
  }

  private consuming func closingWriteEnd() -> Descriptor { readEnd }
}
