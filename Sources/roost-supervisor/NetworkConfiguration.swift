import FoundationEssentials
import FunctionModel
import LinuxSystem

/// The key `network` of the configuration file, every value checked.
///
/// Names stay on this side of the border: roostd is told of subnets and groups by number.
struct NetworkConfiguration: Sendable {
  private(set) var definitions = NetworkDefinitions(defaultEgress: .nat)
  /// What roostd acts upon, see its `NetworkSettings`.
  private(set) var lines: [String] = []

  static let keys: Set<String> = ["egress", "pool", "dns", "deny", "ip-forward", "connections", "vpc", "subnets", "security-groups"]

  /// Addresses at which clouds tell a machine its secrets, outside of the link-local range that is closed anyway: Azure, Alibaba.
  private static let metadataServices = ["168.63.129.16/32", "100.100.100.200/32"]

  init(_ value: Any?) throws(ConfigurationError) {
    let map = try ConfigurationMap(value, at: "network", keys: Self.keys)
    definitions.defaultEgress = try map.choice("egress", NetworkDefinitions.Egress.init) ?? .nat
    definitions.vpc = try map.text("vpc", "vpc- and letters or digits") { $0.wholeMatch(of: /vpc-[0-9a-z]+/) != nil } ?? definitions.vpc
    lines.append("network-egress=\(definitions.defaultEgress.rawValue)")
    if let pool = try map.text("pool", "a network of /16 to /28", { (16...28).contains(IPv4Network($0)?.prefixLength ?? 0) }) {
      lines.append("network-pool=\(pool)")
    }
    let resolvers = try map.list("dns", "an IPv4 address") { IPv4Address($0)?.description } ?? HostResolvers.addresses()
    lines.append("network-dns=\(resolvers.joined(separator: " "))")
    let denied = try map.list("deny", "an IPv4 network as in 10.0.0.0/8") { IPv4Network($0)?.description } ?? Self.metadataServices
    lines.append("network-deny=\(denied.joined(separator: " "))")
    lines.append("network-forwarding=\(try map.text("ip-forward", "manage or leave") { ["manage", "leave"].contains($0) } ?? "manage")")
    lines.append("network-connections=\(try map.text("connections", "1 to 65535") { (1...65_535).contains(Int($0) ?? 0) } ?? "1024")")
    try readSubnets(map)
    try readSecurityGroups(map)
  }

  private mutating func readSubnets(_ map: ConfigurationMap) throws(ConfigurationError) {
    let subnets = try map.map("subnets")
    guard subnets.names.count <= 32 else { throw ConfigurationError("network.subnets: more than 32") }
    for (number, id) in subnets.names.enumerated() {
      guard id.wholeMatch(of: /subnet-[0-9a-z]+/) != nil else {
        throw ConfigurationError("\(subnets.path).\(id): not a subnet's name", hint: "as in subnet-internal: subnet- and letters or digits")
      }
      let subnet = try subnets.map(id, keys: ["egress", "allow"])
      let egress = try subnet.choice("egress", NetworkDefinitions.Egress.init) ?? .nat
      let allowed = try subnet.list("allow", "an IPv4 network as in 10.0.0.0/8") { IPv4Network($0)?.description } ?? []
      definitions.subnets.append(.init(id: id, egress: egress))
      lines.append("network-subnet-\(number)=\(([egress.rawValue] + allowed).joined(separator: " "))")
    }
  }

  private mutating func readSecurityGroups(_ map: ConfigurationMap) throws(ConfigurationError) {
    let groups = try map.map("security-groups")
    guard groups.names.count <= 64 else { throw ConfigurationError("network.security-groups: more than 64") }
    for (number, id) in groups.names.enumerated() {
      guard id.wholeMatch(of: /sg-[0-9a-zA-Z]+/) != nil else {
        throw ConfigurationError("\(groups.path).\(id): not a security group's name", hint: "as in sg-web: sg- and letters or digits")
      }
      let group = try groups.map(id, keys: ["egress", "host-services"])
      let rules = try group.maps("egress", keys: ["cidr", "protocol", "ports"]).map { map throws(ConfigurationError) in
        "out \(try Self.rule(map, address: "cidr"))"
      }
      let services = try group.maps("host-services", keys: ["address", "protocol", "ports"]).map { map throws(ConfigurationError) in
        "host \(try Self.rule(map, address: "address"))"
      }
      definitions.securityGroups.append(id)
      lines.append("network-group-\(number)=\((rules + services).joined(separator: ", "))")
    }
  }

  /// As roostd reads it: protocol, ports, network.
  private static func rule(_ map: ConfigurationMap, address key: String) throws(ConfigurationError) -> String {
    let transport = try map.text("protocol", "tcp, udp, icmp or all") { ["tcp", "udp", "icmp", "all"].contains($0) } ?? "all"
    var ports = "0-65535"
    if let given = try map.text("ports", "a port or a range as in 5000-5100", { portRange($0) != nil }), let range = portRange(given) {
      guard transport == "tcp" || transport == "udp" else {
        throw ConfigurationError("\(map.path).ports: protocol \(transport) has none", hint: "use protocol tcp or udp")
      }
      ports = "\(range.lowerBound)-\(range.upperBound)"
    }
    let network = try map.text(key, "an IPv4 network as in 10.0.0.0/8") { IPv4Network($0) != nil } ?? "0.0.0.0/0"
    return "\(transport) \(ports) \(network)"
  }

  private static func portRange(_ text: String) -> ClosedRange<UInt16>? {
    let bounds = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
    guard let first = bounds.first ?? nil, let last = bounds.last ?? nil, bounds.count <= 2, first <= last else { return nil }
    return first...last
  }
}

/// The resolvers that this host itself asks.
enum HostResolvers {
  /// systemd-resolved keeps those it asks beside the file that names only itself.
  private static let files = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"]

  /// Up to two IPv4 addresses that sandboxes can be led to, so none of the host's loopback; empty where there is none.
  static func addresses() -> [String] {
    for file in files {
      // A host without the file has no resolver there.
      guard let text = try? String(contentsOf: URL(filePath: file), encoding: .utf8) else { continue }
      let servers = text.split(separator: "\n").compactMap { line -> String? in
        let words = line.split(whereSeparator: \.isWhitespace)
        guard words.count >= 2, words[0] == "nameserver", let address = IPv4Address(words[1]), address.number >> 24 != 127 else {
          return nil
        }
        return address.description
      }
      if !servers.isEmpty { return Array(servers.prefix(2)) }
    }
    return []
  }
}
