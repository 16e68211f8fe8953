package import LinuxSystem

/// The networks of the host's configuration, as roostd has them: numbers and ranges, no names.
///
/// As lines of `resolve-configuration` (every one optional but the first; without it there is no way out of any sandbox):
///
///     network-egress=nat                        or none: of functions without a VpcConfig
///     network-pool=198.19.0.0/16                addresses of sandboxes; found by roostd when absent
///     network-dns=10.0.0.2 10.0.0.3
///     network-deny=168.63.129.16/32 …
///     network-forwarding=manage                 or leave
///     network-connections=1024
///     network-subnet-0=nat 10.0.0.0/8 …         or none; numbered without a gap; no range: all
///     network-group-0=out tcp 443-443 10.0.0.0/8, out all 0-65535 10.1.0.0/16, host tcp 5432-5432 0.0.0.0/0
package struct NetworkSettings: Sendable, Hashable {
  package enum Egress: String, Sendable, Hashable {
    case none
    case nat
  }

  package struct Subnet: Sendable, Hashable {
    package var egress: Egress
    /// Where its sandboxes may connect to, if their groups allow it, too.
    package var allowed: [IPv4Network]
  }

  /// What a security group allows: connections from its sandboxes.
  package struct Rule: Sendable, Hashable {
    package enum Target: String, Sendable, Hashable {
      /// Anywhere outside of the host.
      case out
      /// The host itself.
      case host
    }

    package enum TransportProtocol: String, Sendable, Hashable {
      case tcp
      case udp
      case icmp
      case all
    }

    package var target: Target
    package var transport: TransportProtocol
    package var ports: ClosedRange<UInt16>
    package var network: IPv4Network
  }

  package var defaultEgress = Egress.none
  package var pool: IPv4Network?
  package var resolvers: [IPv4Address] = []
  package var denied: [IPv4Network] = []
  package var managesForwarding = true
  /// How many connections one sandbox may have at a time.
  package var connections: UInt32 = 1024
  package var subnets: [Subnet] = []
  package var groups: [[Rule]] = []

  package init() {}

  /// Whether any sandbox can have a way out.
  package var wantsNAT: Bool { defaultEgress == .nat || subnets.contains { $0.egress == .nat } }
}

// MARK: Reading

extension NetworkSettings {
  /// More cannot be chosen from: SpawnProtocol's bounds.
  private static let subnetLimit = 32
  private static let groupLimit = 64
  private static let listLimit = 256

  package init(_ values: [Substring: Substring]) throws(HostSettings.Malformed) {
    defaultEgress = try Self.value("network-egress", values, Egress.init) ?? .none
    pool = try Self.value("network-pool", values) { text in
      IPv4Network(text).flatMap { (16...28).contains($0.prefixLength) ? $0 : nil }
    }
    resolvers = try Self.value("network-dns", values) { Self.list($0) { IPv4Address($0) } } ?? []
    denied = try Self.value("network-deny", values) { Self.list($0) { IPv4Network($0) } } ?? []
    managesForwarding = try Self.value("network-forwarding", values) { ["manage": true, "leave": false][$0] } ?? true
    connections = try Self.value("network-connections", values) { UInt32($0).flatMap { (1...65_535).contains($0) ? $0 : nil } } ?? 1024
    while let subnet = try Self.value("network-subnet-\(subnets.count)", values, Subnet.init) { subnets.append(subnet) }
    while let group = try Self.value("network-group-\(groups.count)", values, { Self.list($0, separator: ", ", Rule.init) }) {
      groups.append(group)
    }
    let given = values.keys.filter { $0.hasPrefix("network-subnet-") || $0.hasPrefix("network-group-") }.count
    guard given == subnets.count + groups.count, subnets.count <= Self.subnetLimit, groups.count <= Self.groupLimit else {
      throw HostSettings.Malformed(description: "network: \(given) subnets and groups")
    }
  }

  /// What `parse` makes of the value of `key`, which it may not refuse; `nil` where there is none.
  private static func value<Value>(
    _ key: String, _ values: [Substring: Substring], _ parse: (String) -> Value?
  ) throws(HostSettings.Malformed) -> Value? {
    guard let text = values[key[...]] else { return nil }
    guard let value = parse(String(text)) else { throw HostSettings.Malformed(description: "\(key) `\(text)`") }
    return value
  }

  fileprivate static func list<Element>(
    _ text: some StringProtocol, separator: String = " ", _ parse: (String) -> Element?
  ) -> [Element]? {
    guard !text.isEmpty else { return [] }
    let parts = String(text).split(separator: separator, omittingEmptySubsequences: false)
    let elements = parts.compactMap { parse(String($0)) }
    return elements.count == parts.count && parts.count <= listLimit ? elements : nil
  }
}

extension NetworkSettings.Subnet {
  fileprivate init?(_ text: String) {
    let parts = text.split(separator: " ", maxSplits: 1)
    guard let first = parts.first, let egress = NetworkSettings.Egress(rawValue: String(first)),
      let allowed = NetworkSettings.list(parts.count > 1 ? parts[1] : "", { IPv4Network($0) })
    else { return nil }
    self.init(egress: egress, allowed: allowed.isEmpty ? [IPv4Network(IPv4Address(0), prefixLength: 0)] : allowed)
  }
}

extension NetworkSettings.Rule {
  fileprivate init?(_ text: String) {
    let parts = text.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 4, let target = Target(rawValue: String(parts[0])),
      let transport = TransportProtocol(rawValue: String(parts[1])), let network = IPv4Network(parts[3])
    else { return nil }
    let ports = parts[2].split(separator: "-", omittingEmptySubsequences: false).compactMap { UInt16($0) }
    guard ports.count == 2, ports[0] <= ports[1] else { return nil }
    self.init(target: target, transport: transport, ports: ports[0]...ports[1], network: network)
  }
}
