import LinuxSystem
import Testing

@testable import Spawning

/// The supervisor's word on networks, which ends as text for nft: whatever is not exactly as agreed is refused.
@Suite struct NetworkSettingsTests {
  private func settings(_ lines: String...) throws -> NetworkSettings {
    let common = ["state-dir=/s", "runtimes-dir=/r", "uid-range=100000-200000"]
    return try HostSettings(parsing: (common + lines).joined(separator: "\n")).network
  }

  @Test func `without a line there is no way out`() throws {
    #expect(try settings() == NetworkSettings())
    #expect(try !settings().wantsNAT)
  }

  @Test func `every line is understood`() throws {
    let read = try settings(
      "network-egress=nat", "network-pool=198.19.0.0/16", "network-dns=10.0.0.2 10.0.0.3", "network-deny=168.63.129.16/32",
      "network-forwarding=leave", "network-connections=7", "network-subnet-0=nat 10.0.0.0/8", "network-subnet-1=none",
      "network-group-0=out tcp 443-443 10.0.0.0/8, host all 0-65535 0.0.0.0/0")
    #expect(read.wantsNAT && !read.managesForwarding && read.connections == 7 && read.resolvers.count == 2)
    #expect(read.subnets.map(\.egress) == [.nat, .none] && read.subnets[1].allowed.map(\.count) == [1 << 32])
    #expect(read.groups[0].map(\.target) == [.out, .host] && read.groups[0][0].ports == 443...443)
  }

  @Test(arguments: [
    "network-egress=", "network-egress=NAT", "network-pool=10.0.0.0/15", "network-pool=10.0.0.0/29", "network-pool=10.0.0.1/24",
    "network-dns=10.0.0.2  10.0.0.3", "network-dns=::1", "network-deny=10.0.0.0/8 }", "network-deny=0.0.0.0/0; flush ruleset",
    "network-forwarding=yes", "network-connections=0", "network-connections=65536", "network-connections=-1",
    "network-subnet-0=", "network-subnet-0=nat 10.0.0.1/8", "network-subnet-1=nat", "network-subnet-x=nat", "network-subnet-00=nat",
    "network-group-0=out tcp 443 10.0.0.0/8", "network-group-0=out tcp 2-1 10.0.0.0/8", "network-group-0=out sctp 1-1 10.0.0.0/8",
    "network-group-0=in tcp 1-1 10.0.0.0/8", "network-group-0=out tcp 1-65536 10.0.0.0/8", "network-group-0=out tcp 1-1 10.0.0.0/8,",
    "network-group-0=out tcp 1-1 10.0.0.0/8 accept", "network-group-1=", "network-egress=nat\nnetwork-egress=none",
  ])
  func `anything else is refused`(line: String) {
    #expect(throws: HostSettings.Malformed.self, "\(line)") { try settings(line) }
  }

  @Test func `more than can be chosen from is refused`() {
    let subnets = (0...32).map { "network-subnet-\($0)=nat" }.joined(separator: "\n")
    #expect(throws: HostSettings.Malformed.self) { try settings(subnets) }
    let groups = (0...64).map { "network-group-\($0)=" }.joined(separator: "\n")
    #expect(throws: HostSettings.Malformed.self) { try settings(groups) }
  }
}
