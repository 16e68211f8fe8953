import LinuxSystem

/// The nftables table of one roostd, as text for `nft`.
///
/// Rules are made once, from the configuration; sandboxes come and go as elements of sets. What a packet of a sandbox meets:
///
/// 1. `source`, before connection tracking: it must be IPv4 and have the one address that belongs to the device it came by.
/// 2. `egress`, before any address is translated (a port that Docker publishes is still the host's own): packets of known connections
///    pass; a new one must be within the rate, to a place that somebody allows, and within the bounds on connections.
/// 3. `names`: a connection to the resolver's address goes to one of the host's resolvers.
/// 4. `forward` and `disguise`: out, with the host's address.
///
/// Back come answers alone: `forward` and `output` drop everything else that is for a sandbox.
struct NetworkRuleset {
  let table: String
  /// Of the sandboxes' devices on the host's side.
  let group: UInt32
  let pool: IPv4Network
  let settings: NetworkSettings
  /// Whether forwarding is on for our sake alone.
  ///
  /// Devices of another roostd are in the care of its own table.
  let dropsForeignForwarding: Bool
  /// Of the host's table of connections. A half is for sandboxes, of which each is assured of its part in one half, and the other is divided
  /// into shares.
  let connectionLimit: UInt32
  /// Whether a TCP connection that has ended is forgotten a second later: it counts no more from its end on, and would hold its place in the
  /// host's table for up to two minutes, hundreds of times a second.
  var forgetsEnded = true

  static let sandboxes = "sandboxes"
  /// Always empty: its presence tells the next start who turned forwarding on.
  static let forwardingMark = "forwarding"
  static func subnet(_ number: some BinaryInteger) -> String { "subnet\(number)" }
  static func group(_ number: some BinaryInteger) -> String { "group\(number)" }

  /// What the images' resolv.conf names.
  static let resolvers = [IPv4Address(0xA9FE_6402), IPv4Address(0xA9FE_6403)]
  static let shares: UInt32 = 64
  static let newConnectionsPerSecond = 500

  /// Never a destination, whatever the configuration allows: this network, loopback, link-local with every cloud's metadata service,
  /// multicast, reserved, broadcast; what other sandboxes are given.
  private var denied: [IPv4Network] {
    ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "198.18.0.0/15", "224.0.0.0/3"].compactMap { IPv4Network($0) } + [pool] + settings.denied
  }

  /// Replaces what is there of an earlier run, in one transaction.
  var text: String {
    var lines = ["table inet \(table)", "delete table inet \(table)", "table inet \(table) {"]
    lines += timeouts + sets + source + egress + admission + subnets + groups + names + forward + output + disguise
    return (lines + ["}"]).joined(separator: "\n") + "\n"
  }

  /// `close` is the state after a reset. In seconds; needs CONFIG_NF_CONNTRACK_TIMEOUT.
  private var timeouts: [String] {
    guard forgetsEnded else { return [] }
    return ["ct timeout brief {", "  protocol tcp", "  l3proto ip", "  policy = { time_wait : 1, close : 1 }", "}"]
  }

  private var sets: [String] {
    let members = settings.subnets.indices.map(Self.subnet) + settings.groups.indices.map(Self.group)
    return ["set \(Self.sandboxes) { type ifname . ipv4_addr; size \(pool.count); }"]
      + (dropsForeignForwarding ? ["set \(Self.forwardingMark) { type ifname; }"] : [])
      + members.map { "set \($0) { type ipv4_addr; size \(pool.count); }" }
      + [
        "set denied { type ipv4_addr; flags interval; auto-merge; elements = { \(listed(denied)) }; }",
        "set rates { type ipv4_addr; flags dynamic; size \(pool.count); }",
        "set connections { type ipv4_addr; flags dynamic; size \(pool.count); }",
        "set assured { type ipv4_addr; flags dynamic; size \(pool.count); }",
        "set shares { type ipv4_addr; flags dynamic; size \(Self.shares); }",
      ]
  }

  private var source: [String] {
    chain(
      "source", "type filter hook prerouting priority raw; policy accept;",
      [
        "iifgroup != \(group) accept",
        "meta nfproto != ipv4 drop",
        "iifname . ip saddr != @\(Self.sandboxes) drop",
      ])
  }

  private var egress: [String] {
    let resolvers = settings.resolvers.isEmpty ? [] : Self.resolvers
    return chain(
      "egress", "type filter hook prerouting priority mangle; policy accept;",
      [
        "iifgroup != \(group) accept",
        "ct state established,related accept",
        "ct state != new drop",
        "add @rates { ip saddr limit rate over \(Self.newConnectionsPerSecond)/second burst \(2 * Self.newConnectionsPerSecond) packets } drop",
      ] + (forgetsEnded ? ["meta l4proto tcp ct timeout set \"brief\""] : [])
        + resolvers.map { "ip daddr \($0) meta l4proto { tcp, udp } th dport 53 goto admit" } + [
          "fib daddr type local goto host",
          "ip daddr @denied goto refuse",
          "fib daddr type != unicast goto refuse",
        ] + settings.subnets.indices.map { "ip saddr @\(Self.subnet($0)) goto \(Self.subnet($0))" } + [
          settings.defaultEgress == .nat ? "goto admit" : "goto refuse"
        ])
  }

  /// How many connections nobody can take from a sandbox.
  var assured: UInt32 { max(1, connectionLimit / 4 / UInt32(pool.count)) }
  /// How many all sandboxes with the same last six bits of their address may have together beyond that.
  var share: UInt32 { max(1, connectionLimit / 4 / Self.shares) }

  /// The sandboxes that are there already, to be loaded with the text.
  func members(_ leases: some Sequence<HostNetwork.Lease>) -> String {
    leases.flatMap { lease in
      lease.elements.map { element in
        let key = element.set == Self.sandboxes ? "\"\(lease.deviceName)\" . \(lease.address)" : "\(lease.address)"
        return "add element inet \(table) \(element.set) { \(key) }\n"
      }
    }.joined()
  }

  /// An element of `connections` is a list of one address's connections, so that to be over the bound costs nobody else anything.
  private var admission: [String] {
    chain("refuse", nil, ["reject with icmp admin-prohibited"])
      + chain(
        "admit", nil,
        [
          "add @connections { ip saddr ct count over \(settings.connections) } drop",
          "add @assured { ip saddr ct count \(assured) } accept",
          "add @shares { ip saddr & 0.0.0.\(Self.shares - 1) ct count over \(share) } drop",
          "accept",
        ])
  }

  private var subnets: [String] {
    let members = settings.groups.indices.map { "ip saddr @\(Self.group($0)) jump \(Self.group($0))" }
    return settings.subnets.indices.flatMap { index in
      let subnet = settings.subnets[index]
      let allowed = subnet.egress == .none ? ["goto refuse"] : ["ip daddr != { \(listed(subnet.allowed)) } goto refuse"]
      return chain(Self.subnet(index), nil, allowed + members + ["goto refuse"])
    }
  }

  private var groups: [String] {
    let host = settings.groups.indices.flatMap { index in
      rules(index, .host).map { "ip saddr @\(Self.group(index)) \($0)" }
    }
    return chain("host", nil, host + ["goto refuse"])
      + settings.groups.indices.flatMap { chain(Self.group($0), nil, rules($0, .out)) }
  }

  private func rules(_ index: Int, _ target: NetworkSettings.Rule.Target) -> [String] {
    settings.groups[index].filter { $0.target == target }.map { rule in
      let place = rule.network.prefixLength == 0 ? "" : "ip daddr \(rule.network) "
      let ports = rule.ports.count == 65_536 ? "" : "th dport \(rule.ports.lowerBound)-\(rule.ports.upperBound) "
      return switch rule.transport {
      case .all: "\(place)goto admit"
      case .icmp: "\(place)meta l4proto icmp goto admit"
      case .tcp, .udp: "\(place)meta l4proto \(rule.transport.rawValue) \(ports)goto admit"
      }
    }
  }

  /// With one upstream both addresses lead there.
  private var names: [String] {
    let upstream = settings.resolvers
    let rules = Self.resolvers.indices.flatMap { index -> [String] in
      guard !upstream.isEmpty else { return [] }
      let target = upstream[min(index, upstream.count - 1)]
      return ["iifgroup \(group) ip daddr \(Self.resolvers[index]) meta l4proto { tcp, udp } th dport 53 dnat ip to \(target)"]
    }
    return chain("names", "type nat hook prerouting priority dstnat; policy accept;", rules)
  }

  private var forward: [String] {
    chain(
      "forward", "type filter hook forward priority filter; policy accept;",
      [
        "oifgroup \(group) ct state established,related accept",
        "oifgroup \(group) drop",
        "iifgroup \(group) tcp flags syn tcp option maxseg size set rt mtu",
        "iifgroup \(group) accept",
        "ip daddr \(pool) drop",
      ] + (dropsForeignForwarding ? ["meta nfproto ipv4 iifname != \"roost*\" oifname != \"roost*\" drop"] : []))
  }

  /// The kernel's own word that something cannot be reached may pass; nobody of the host speaks first.
  private var output: [String] {
    chain(
      "output", "type filter hook output priority filter; policy accept;",
      [
        "oifgroup != \(group) accept",
        "ct state established,related accept",
        "icmp type destination-unreachable accept",
        "drop",
      ])
  }

  private var disguise: [String] {
    chain(
      "disguise", "type nat hook postrouting priority srcnat; policy accept;",
      [
        "ip saddr \(pool) oifgroup != \(group) masquerade fully-random"
      ])
  }

  private func chain(_ name: String, _ hook: String?, _ rules: [String]) -> [String] {
    ["chain \(name) {"] + (hook.map { ["  \($0)"] } ?? []) + rules.map { "  \($0)" } + ["}"]
  }

  private func listed(_ networks: [IPv4Network]) -> String { networks.map(\.description).joined(separator: ", ") }
}
