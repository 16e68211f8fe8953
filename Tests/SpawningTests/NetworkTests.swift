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

    @Test func `an address that may still be in a set is nobody's until it is certainly out`() throws {
      try inOwnNetwork {
        var settings = Self.settings
        settings.pool = IPv4Network("198.18.7.0/28")
        let network = try HostNetwork(settings: settings, name: "roost-0badcafe")
        // In sets of another kind nothing can be put, and nothing taken out.
        let sets = [NetworkRuleset.sandboxes, NetworkRuleset.subnet(0), NetworkRuleset.group(0)]
        let table = "table inet roost-0badcafe"
        let strange = sets.map { "set \($0) { type ether_addr; }" }.joined(separator: "\n")
        try HostNetwork.load("delete \(table)\n\(table) {\n\(strange)\n}\n")
        let choice = NetworkPolicyChoice.subnet(0, groups: [0])
        for _ in 0..<14 { #expect(throws: SpawnFailure(step: .admitToNetwork, errno: EINVAL)) { try network.admit(choice) } }
        #expect(throws: SpawnFailure(step: .admitToNetwork, errno: EADDRNOTAVAIL)) { try network.admit(choice) }
        // With sets as they must be, all of it can be proven.
        try HostNetwork.load(network.ruleset.text)
        let addresses = try (0..<14).map { _ in try network.admit(choice)?.address }
        #expect(Set(addresses).count == 14)
        #expect(throws: SpawnFailure(step: .admitToNetwork, errno: EADDRNOTAVAIL)) { try network.admit(choice) }
        try network.remove()
      }
    }

    @Test func `what became of each batch of addresses is told once`() throws {
      try inOwnNetwork {
        let table = try ConnectionTable()
        let forgetter = try ConnectionForgetter(table)
        defer { forgetter.stop() }
        #expect(forgetter.outcome(waiting: true) == nil)
        let address = IPv4Address(0xC612_0001)
        #expect(forgetter.forget([address]))
        let outcome = try #require(forgetter.outcome(waiting: true))
        #expect(outcome.addresses == [address] && outcome.error == nil)
        #expect(forgetter.outcome(waiting: true) == nil, "told once")
      }
    }

    @Test func `an address goes to its next owner when its connections are forgotten`() throws {
      try inOwnNetwork {
        var settings = Self.settings
        settings.pool = IPv4Network("198.18.7.0/28")
        let network = try HostNetwork(settings: settings, name: "roost-0badcafe")
        let leases = try (0..<14).compactMap { _ in try network.admit(.nat) }
        network.dismiss(leases[3])
        #expect(network.departed == [leases[3].address])
        // With no other left it is waited for.
        #expect(try network.admit(.nat)?.address == leases[3].address)
        #expect(network.departed.isEmpty)
        try network.remove()
        #expect(try output(of: "/usr/sbin/nft", ["list", "tables"]).output == "")
      }
    }

    @Test func `a pool gives each address to one at a time, the longest unused first, and not from its beginning`() throws {
      let range = try #require(IPv4Network("198.18.7.0/28"))
      var pool = AddressPool(range, startingAt: 12)
      let all = (0..<14).compactMap { _ in pool.take() }
      #expect(all.map { $0.number & 15 } == [13, 14, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] && pool.take() == nil)
      pool.give(back: [all[9], all[4]])
      #expect(pool.take() == all[4] && pool.take() == all[9] && pool.take() == nil)
    }

    @Test func `each daemon begins somewhere else in its pool`() throws {
      let first = try (0..<4).map { _ in try firstAddress() }
      #expect(Set(first).count > 1, "\(first)")
    }

    private func firstAddress() throws -> IPv4Address? {
      try inOwnNetwork {
        let network = try HostNetwork(settings: Self.settings, name: "roost-0badcafe")
        defer { network.removeOrNote() }
        return try network.admit(.nat)?.address
      }
    }

    @Test func `however roostd ends, its network is gone`() throws {
      let installation = try Installation()
      let session = try DaemonSession(
        installation, supervisorOptions: ["--egress", "nat"], wrapper: ["/usr/bin/unshare", "--net", "--mount", "--propagation", "private"])
      let supervisor = try session.nextSupervisor()
      let beside = ["--net", "--mount", "--target", supervisor.processID]
      // Held by the supervisor's namespaces for as long as this runs.
      let keeper = try ChildProcess(program: "/usr/bin/nsenter", arguments: ["--net", "--target", supervisor.processID, "sleep", "60"])
      defer { end(keeper) }
      // nsenter begins in the host's.
      #expect(try eventually { namespace(of: "\(keeper.processID)") == namespace(of: supervisor.processID) })
      let groups = try ControlGroupLayout.detect().hierarchies.map {
        "\($0.mountPoint)/\(ControlGroupTree.name(forStateDirectory: installation.stateDirectory))"
      }
      #expect(try tables(of: keeper).contains("table inet roost-"))
      // A directory that something is mounted on cannot be removed.
      for group in groups { try run("/usr/bin/nsenter", beside + ["mount", "--bind", group, group]) }
      try session.signal(SIGTERM)
      #expect(try session.end() == .code(71))
      // The mounts have gone with roostd's namespace.
      for group in groups { #expect(unsafe rmdir(group) == 0 || errno == ENOENT) }
      #expect(try tables(of: keeper) == "")
    }

    private func namespace(of process: String) -> ino_t {
      var facts = stat()
      return stat("/proc/\(process)/ns/net", &facts) == 0 ? facts.st_ino : 0
    }

    private func tables(of process: borrowing ChildProcess) throws -> String {
      try output(of: "/usr/bin/nsenter", ["--net", "--target", "\(process.processID)", "nft", "list", "tables"]).output
    }

    private func end(_ process: borrowing ChildProcess) {
      do {
        try process.send(signal: SIGKILL)
        _ = try process.wait()
      } catch { Issue.record(error) }
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
