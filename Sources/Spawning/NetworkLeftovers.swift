import Glibc
import LinuxSystem

/// What a roostd of this name has, or has left, in the network: found by name, group and metric.
struct NetworkLeftovers {
  let table: NetfilterTable
  let links: Links
  /// Of devices; and the metric of routes. Not 0, which is everybody's.
  let group: UInt32

  init(name: String) throws(SystemError) {
    table = try NetfilterTable(name: name)
    links = try Links()
    group = max(1, name.utf8.reduce(2_166_136_261 as UInt32) { ($0 ^ UInt32($1)) &* 16_777_619 })
  }

  /// The devices first: while there are any, their policy holds.
  func reap() throws(SystemError) {
    try reapDevices()
    // A kernel without nftables has nothing of ours.
    do { try table.delete() } catch  where [EPROTONOSUPPORT, EOPNOTSUPP, EINVAL].contains(error.errno) {}
  }

  /// The table stays, and is replaced in one transaction.
  func reapDevices() throws(SystemError) {
    try links.delete(group: group)
    for route in try links.routes() where route.isUnreachable && route.priority == group {
      try links.deleteUnreachable(route.destination, priority: group)
    }
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
