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

  let settings: NetworkSettings
  let table: NetfilterTable
  let links: Links
  let group: UInt32
  let ruleset: NetworkRuleset
  let watch: NetfilterWatch
  /// While the policy is kept: see ``keepPolicy(on:)``.
  var keeping: Keeping?
  /// Whether the table has gone, and could not be made again so far.
  var isMissing = false
  let connections: ConnectionTable
  /// `nil` where the kernel cannot forget connections.
  var forgetter: ConnectionForgetter?
  private let forwarding: Forwarding
  let mtu: UInt32
  /// The network namespace of roostd.
  let namespace: Descriptor
  var addresses: AddressPool
  /// By address.
  var leases: [IPv4Address: Lease] = [:]
  /// Ended ones that may still be in some set: the next owners of their addresses would have the policies of both.
  var spoiled: [Lease] = []
  /// Out of all sets, and not yet given to the forgetter.
  var departed: Set<IPv4Address> = []
  var names: UInt32 = 0

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
    let pool = try Self.claim(settings.pool, as: leftovers)
    // An earlier run's last sandboxes may still be spoken to.
    addresses = AddressPool(pool, startingAt: .random(in: 0...UInt32(pool.count)))
    do {
      forwarding = try Forwarding(managed: settings.managesForwarding, table: table)
      ruleset = try Self.loaded(
        NetworkRuleset(
          table: name, group: group, pool: pool, settings: settings, dropsForeignForwarding: forwarding.isOurs,
          connectionLimit: try Self.conntrackLimit()))
      // What it replaced is no loss.
      _ = try watch.tellsOfLoss()
      let forgets = try connections.canForget(within: pool)
      if !forgets { note("network: this kernel forgets no connections: those of functions that end stay until they time out") }
      try forwarding.turnOn()
      // Last, since it has a thread.
      if forgets { forgetter = try ConnectionForgetter(connections) }
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

  /// Removes everything, whatever still runs.
  ///
  /// The devices first: while there are any, their policy holds. Forwarding before the table, which drops what we do not forward.
  package func remove() throws(SystemError) {
    stopKeeping()
    forgetter?.stop()
    try links.delete(group: group)
    try forwarding.turnOff(table)
    try table.delete()
    try links.deleteUnreachable(addresses.range, priority: group)
    try forgetAllConnections()
  }

  /// The same for somebody who has another error to tell of.
  func removeOrNote() {
    do { try remove() } catch { note("network left behind: \(error)") }
  }

  /// As much of it as this kernel takes.
  private static func loaded(_ ruleset: NetworkRuleset) throws -> NetworkRuleset {
    do {
      try load(ruleset.text)
      return ruleset
    } catch {
      var lesser = ruleset
      lesser.forgetsEnded = false
      try load(lesser.text)
      note("network: connections that have ended stay in the host's table for as long as others' do: \(error)")
      return lesser
    }
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

extension Pipe {
  /// Everything that others write until they have closed it.
  fileprivate consuming func finishedText() throws(SystemError) -> String {
    let end = closingWriteEnd()
    return String(decoding: try end.readAll(limit: 1 << 16), as: UTF8.self)
  }

  private consuming func closingWriteEnd() -> Descriptor { readEnd }
}
