import LinuxSystem
import Spawning

/// What the unprivileged side makes of the configuration, as roostd reads it. Written out again it is read as the same.
enum HostSettingsTarget: FuzzTarget {
  static let name = "host-settings"

  static let seeds: [[UInt8]] = [
    "state-dir=/var/lib/roost\nruntimes-dir=/usr/lib/roost\nuid-range=200000-265535\n",
    """
    state-dir=/s
    runtimes-dir=/r
    uid-range=65536-4294967294
    volume-pool=64
    tmp-backend=auto
    disk-budget=4294967295
    disk-reserve=0
    cgroup-name=roost-0a.b
    network-egress=nat
    network-pool=198.19.0.0/16
    network-dns=10.0.0.2 10.0.0.3
    network-deny=168.63.129.16/32 10.0.0.0/8
    network-forwarding=leave
    network-connections=1024
    network-subnet-0=nat 10.0.0.0/8 10.1.0.0/16
    network-subnet-1=none
    network-group-0=out tcp 443-443 10.0.0.0/8, out all 0-65535 10.1.0.0/16, host udp 53-53 0.0.0.0/0
    network-group-1=

    """,
  ].map { Array($0.utf8) }

  static let words = [
    "state-dir=/", "runtimes-dir=/", "uid-range=", "volume-pool=", "tmp-backend=", "auto", "loop", "btrfs", "tmpfs", "disk-budget=",
    "disk-reserve=", "cgroup-name=", "network-egress=", "nat", "none", "network-pool=", "network-dns=", "network-deny=",
    "network-forwarding=", "manage", "leave", "network-connections=", "network-subnet-", "network-group-", "out", "host", "tcp", "udp",
    "icmp", "all", "0-65535", "0.0.0.0/0", "255.255.255.255/32", "\n", ", ", "\0", "\r\n", "é",
  ]

  static func run(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let settings = try? HostSettings(parsing: text) else { return }  // refused
    must(settings.stateDirectory.utf8.first == UInt8(ascii: "/") && settings.runtimesDirectory.utf8.first == UInt8(ascii: "/"))
    must(settings.userIDs.lowerBound > 65_535 && settings.userIDs.upperBound < .max)
    if let name = settings.controlGroupName { must(!name.utf8.contains(UInt8(ascii: "/")) && name != "..") }
    do { must(try HostSettings(parsing: written(settings)) == settings) } catch { fault("\(error) in what was read before") }
  }

  private static func written(_ settings: HostSettings) -> String {
    let network = settings.network
    var lines = [
      "state-dir=\(settings.stateDirectory)", "runtimes-dir=\(settings.runtimesDirectory)",
      "uid-range=\(settings.userIDs.lowerBound)-\(settings.userIDs.upperBound)", "volume-pool=\(settings.volumePool)",
      "tmp-backend=\(settings.temporaryBackend.rawValue)", "network-egress=\(network.defaultEgress.rawValue)",
      "network-dns=\(network.resolvers.map(\.description).joined(separator: " "))",
      "network-deny=\(network.denied.map(\.description).joined(separator: " "))",
      "network-forwarding=\(network.managesForwarding ? "manage" : "leave")", "network-connections=\(network.connections)",
    ]
    if let budget = settings.diskBudget { lines.append("disk-budget=\(budget >> 20)") }
    if let reserve = settings.diskReserve { lines.append("disk-reserve=\(reserve >> 20)") }
    if let name = settings.controlGroupName { lines.append("cgroup-name=\(name)") }
    if let pool = network.pool { lines.append("network-pool=\(pool)") }
    lines += network.subnets.enumerated().map { number, subnet in
      "network-subnet-\(number)=\(subnet.egress.rawValue) \(subnet.allowed.map(\.description).joined(separator: " "))"
    }
    lines += network.groups.enumerated().map { number, rules in "network-group-\(number)=\(rules.map(written).joined(separator: ", "))" }
    return lines.joined(separator: "\n")
  }

  private static func written(_ rule: NetworkSettings.Rule) -> String {
    "\(rule.target.rawValue) \(rule.transport.rawValue) \(rule.ports.lowerBound)-\(rule.ports.upperBound) \(rule.network)"
  }
}
