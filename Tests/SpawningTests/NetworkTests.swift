import Glibc
import LinuxSystem
import SpawnProtocol
import Testing

@testable import Spawning

extension HostRing {
  @Suite struct Network {
    private static var settings: NetworkSettings {
      var settings = NetworkSettings()
      settings.defaultEgress = .nat
      settings.resolvers = [IPv4Address(0xCB00_7135)]
      settings.subnets = [.init(egress: .nat, allowed: []), .init(egress: .none, allowed: [])]
      settings.subnets[0].allowed = [IPv4Network("10.0.0.0/8")].compactMap { $0 }
      settings.groups = [[.init(target: .out, transport: .tcp, ports: 443...443, network: IPv4Network(IPv4Address(0), prefixLength: 0))]]
      return settings
    }

    private func session(_ installation: Installation) throws -> SpawnerSession {
      try SpawnerSession(installation, network: Self.settings)
    }

    @Test func `with nat a sandbox has one device and a route, with none it has neither`() throws {
      let installation = try Installation()
      let session = try session(installation)
      defer { session.end() }
      var recipe = installation.recipe()
      let without = try session.probe("view", recipe: recipe)
      #expect(without.all("interface") == ["lo"] && without["route"] == "ENETUNREACH")
      recipe.network = .nat
      let with = try session.probe("view", recipe: recipe)
      #expect(with.all("interface") == ["lo", "eth0"] && with["route"] == "ok")
      #expect(with.all("if_inet6").allSatisfy { $0.hasSuffix(" lo") }, "no IPv6 address but loopback's")
    }

    @Test func `what belongs to a sandbox in the host's network goes with it, and the rest with the daemon`() throws {
      let installation = try Installation()
      let session = try session(installation)
      let before = try session.networkTraces()
      #expect(before.devices == 0 && before.elements == 0 && before.tables == 1 && before.routes == 1)
      var recipe = installation.recipe()
      recipe.network = .subnet(0, groups: [0])
      let sandbox = try session.create(1, recipe)
      _ = try sandbox.start(["wait"])
      let during = try session.networkTraces()
      #expect(during.devices == 1 && during.elements == 3 && during.routes == 2)
      try session.destroy(1)
      #expect(try session.networkTraces().elements == 0)
      // A socket of the namespace keeps it.
      sandbox.close(.listener)
      let after = try session.settledNetworkTraces { $0.devices == 0 }
      #expect(after == before)
      session.end()
    }

    @Test func `a policy that the configuration has not is refused`() throws {
      let installation = try Installation()
      let session = try session(installation)
      defer { session.end() }
      func answer(_ network: NetworkPolicyChoice) throws -> SpawnEvent {
        var recipe = installation.recipe()
        recipe.network = network
        try session.send(.create(SandboxID(3), recipe))
        return try session.next().event
      }
      let refused = SpawnEvent.failed(SandboxID(3), SpawnFailure(step: .admitToNetwork, errno: EPERM))
      #expect(try answer(.subnet(2, groups: [0])) == refused)
      #expect(try answer(.subnet(0, groups: [1])) == refused)
      #expect(try answer(.subnet(1, groups: [0])) == refused, "a subnet without egress has no way out")
    }

    @Test func `without a network on the host a sandbox that needs one is refused, and others are made`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      var recipe = installation.recipe()
      recipe.network = .nat
      try session.send(.create(SandboxID(3), recipe))
      #expect(try session.next().event == .failed(SandboxID(3), SpawnFailure(step: .admitToNetwork, errno: ENETDOWN)))
      #expect(try session.probe("exit", recipe: installation.recipe()).status == .code(7))
    }

    @Test func `a step in the network that fails is named with its errno, and leaves nothing`() throws {
      let installation = try Installation()
      let session = try session(installation)
      let before = try session.networkTraces()
      var recipe = installation.recipe()
      recipe.network = .nat
      // Takes the device's name away.
      let name = try session.nextDeviceName()
      #expect(try session.runBeside("ip", "link", "add", name, "type", "veth", "peer", "other").end == .code(0))
      try session.send(.create(SandboxID(3), recipe))
      #expect(try session.next().event == .failed(SandboxID(3), SpawnFailure(step: .makeLink, errno: EEXIST)))
      #expect(try session.runBeside("ip", "link", "delete", name).end == .code(0))
      #expect(try session.networkTraces() == before)
      session.end()
    }

    @Test func `a table that somebody removes, or empties, is made again with the running sandboxes in it`() throws {
      let installation = try Installation()
      let session = try session(installation)
      defer { session.end() }
      var recipe = installation.recipe()
      recipe.network = .subnet(0, groups: [0])
      let sandbox = try session.create(1, recipe)
      _ = try sandbox.start(["wait"])
      let (before, rules) = (try session.networkTraces(), try session.rules())
      #expect(before.elements == 3 && rules.contains("reject"))
      let table = try session.tableName()
      let losses = [
        ["flush", "ruleset"], ["delete", "table", "inet", table], ["flush", "table", "inet", table],
        ["flush", "chain", "inet", table, "egress"],
      ]
      for loss in losses {
        #expect(try session.runBeside(["nft"] + loss).end == .code(0))
        let after = try session.settledNetworkTraces { try $0 == before && session.rules() == rules }
        #expect(after == before, "\(loss)")
        #expect(try session.rules() == rules, "\(loss)")
      }
      // One that is made before roostd has heard of the loss has its policy nevertheless.
      #expect(try session.runBeside("nft", "flush", "ruleset").end == .code(0))
      var another = installation.recipe(1)
      another.network = recipe.network
      let second = try session.create(2, another)
      let both = try withExtendedLifetime(second) { try session.networkTraces() }
      #expect(both.elements == 6)
      try session.destroy(2)
      try session.destroy(1)
    }

    @Test func `each sandbox is assured of connections, and all together have half of the table`() throws {
      let pool = try #require(IPv4Network("198.18.0.0/20"))
      let ruleset = NetworkRuleset(
        table: "t", group: 7, pool: pool, settings: Self.settings, dropsForeignForwarding: false, connectionLimit: 262_144)
      #expect(ruleset.assured == 16 && ruleset.share == 1024)
      #expect(UInt64(ruleset.assured) * pool.count + UInt64(ruleset.share * NetworkRuleset.shares) <= 262_144 / 2)
    }
  }
}

struct NetworkTraces: Hashable {
  var devices = 0
  var elements = 0
  var tables = 0
  var routes = 0
}

extension SpawnerSession {
  func networkTraces() throws -> NetworkTraces {
    let tables = try runBeside("nft", "list", "ruleset").output.split(separator: "\n")
    let members = try runBeside("nft", "-j", "list", "sets", "inet").output
    return NetworkTraces(
      devices: try runBeside("ip", "-o", "link").output.split(separator: "\n").filter { $0.contains(": roost") }.count,
      elements: members.split(separator: "198.").count - members.split(separator: "\"addr\": \"198.").count,
      tables: tables.filter { $0.hasPrefix("table inet roost-") }.count,
      routes: try runBeside("ip", "route", "show", "proto", "82").output.split(separator: "\n").count)
  }

  func tableName() throws -> String {
    let words = try runBeside("nft", "list", "tables").output.split(whereSeparator: \.isWhitespace)
    return try #require(words.first { $0.hasPrefix("roost-") }).description
  }

  /// The table but for what comes and goes.
  func rules() throws -> String { try runBeside("nft", "-s", "-t", "list", "ruleset").output }

  func settledNetworkTraces(_ isSettled: (NetworkTraces) throws -> Bool) throws -> NetworkTraces {
    let deadline = ContinuousClock.now + .seconds(10)
    let poller = try Poller()
    var latest = try networkTraces()
    while try !isSettled(latest) && ContinuousClock.now < deadline {
      _ = try poller.wait(timeout: .milliseconds(10))
      latest = try networkTraces()
    }
    return latest
  }

  /// The first sandbox's; names are counted.
  func nextDeviceName() throws -> String {
    let table = try runBeside("nft", "list", "tables").output.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("roost-") }
    let group = try NetworkLeftovers(name: String(table ?? "")).group & 0xFFFF
    let digits = String(group, radix: 16)
    return "roost\(String(repeating: "0", count: 4 - digits.count))\(digits)-00001"
  }
}
