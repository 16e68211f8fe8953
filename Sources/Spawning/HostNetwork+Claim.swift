import LinuxSystem

extension HostNetwork {
  /// Where ranges are looked for when none is configured: set aside for measuring networks (RFC 2544), so hardly anybody's.
  private static let commons = IPv4Network(IPv4Address(0xC612_0000), prefixLength: 15)
  private static let ownLength: UInt8 = 20

  /// Takes a range that no route or address of the host overlaps, and says so with a route of its own.
  static func claim(_ wanted: IPv4Network?, as own: NetworkLeftovers) throws -> IPv4Network {
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
}
