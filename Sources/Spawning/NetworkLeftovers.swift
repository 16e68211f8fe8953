import Glibc
import LinuxSystem

/// What a roostd of this name has, or has left, in the network: found by name, group and metric.
struct NetworkLeftovers: LeftoverKind {
  let table: NetfilterTable
  let links: Links
  /// Of devices; and the metric of routes. Not 0, which is everybody's.
  let group: UInt32

  init(name: String) throws(SystemError) {
    table = try NetfilterTable(name: name)
    links = try Links()
    group = max(1, name.utf8.reduce(2_166_136_261 as UInt32) { ($0 ^ UInt32($1)) &* 16_777_619 })
  }

  func find() throws -> [Leftover] {
    let devices = try links.names(inGroup: group).map { Leftover(kind: "network device", name: $0) }
    let routes = try ownRoutes().map { Leftover(kind: "network route", name: "unreachable \($0.destination)", detail: "metric \(group)") }
    let detail = try tables(withSet: NetworkRuleset.forwardingMark).contains(table.name) ? "net.ipv4.ip_forward" : ""
    let isThere = try tables(withSet: NetworkRuleset.sandboxes).contains(table.name)
    return devices + routes + (isThere ? [Leftover(kind: "network table", name: "inet \(table.name)", detail: detail)] : [])
  }

  func remove() throws { try reap() }

  /// The devices first: while there are any, their policy holds. Forwarding before the table, which alone knows that it is ours.
  func reap() throws(SystemError) {
    try reapDevices()
    let marked = try tables(withSet: NetworkRuleset.forwardingMark)
    if marked == [table.name] { try Forwarding.turnOff() }
    // Asked first, since a kernel without nftables cannot delete either.
    if try tables(withSet: NetworkRuleset.sandboxes).contains(table.name) { try table.delete() }
  }

  /// The table stays, and is replaced in one transaction.
  func reapDevices() throws(SystemError) {
    try links.delete(group: group)
    for route in try ownRoutes() { try links.deleteUnreachable(route.destination, priority: group) }
  }

  private func ownRoutes() throws(SystemError) -> [Links.Route] {
    try links.routes().filter { $0.isUnreachable && $0.priority == group }
  }

  /// A kernel without nftables has nothing of ours.
  private func tables(withSet set: String) throws(SystemError) -> Set<String> {
    do { return try table.tables(withSet: set) } catch  where [EPROTONOSUPPORT, EOPNOTSUPP, EINVAL].contains(error.errno) { return [] }
  }
}

extension Links {
  /// Whether no route and no address lies in `network`; what bears the metric `own` is the asker's.
  func isFree(_ network: IPv4Network, but own: UInt32) throws(SystemError) -> Bool {
    let foreign = try routes().filter { !($0.isUnreachable && $0.priority == own) }
    let addresses = try addresses()
    return !(foreign.map(\.destination) + addresses).contains { $0.overlaps(network) }
  }
}
