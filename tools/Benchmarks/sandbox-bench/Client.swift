import Glibc
import LinuxSystem
import SpawnProtocol

/// Asks for the runs of each round and takes their times.
final class Client {
  private enum Case: String, CaseIterable {
    /// Request until roost-init runs.
    case created = "roost, created"
    /// Request until destroyed.
    case roost
    /// The same two with a way out.
    case createdWithNAT = "nat, created"
    case nat = "roost with nat"
    case crun
    /// posix_spawn(3) and waitid(2) of the same program.
    case bare
  }

  struct Unexpected: Error { let what: String }

  private let directory: String
  private let socket: Descriptor
  private let withPeer: Bool
  private let withNetwork: Bool
  private var samples: [Case: Samples] = [:]
  private var quiet = QuietMoment()

  init(directory: String, withPeer: Bool, withNetwork: Bool) throws {
    self.directory = directory
    self.withNetwork = withNetwork
    self.withPeer = withPeer
    socket = try Socket.connected(to: "\(directory)/socket")
  }

  func run(rounds: Int) throws {
    for round in 0..<(rounds + 3) {
      try quiet.wait()
      // The first rounds only warm up.
      let isMeasured = round >= 3
      try runRoost(UInt64(2 * round), .none, (.created, .roost), isMeasured)
      if withNetwork { try runRoost(UInt64(2 * round + 1), .nat, (.createdWithNAT, .nat), isMeasured) }
      if withPeer { try run(.crun, "/usr/bin/crun", ["run", "--bundle", "\(directory)/bundle", "bench-\(getpid())-\(round)"], isMeasured) }
      try run(.bare, "\(directory)/runtimes/bench/bin/true", [], isMeasured)
    }
  }

  func printTable() {
    let base = samples[.roost]?.quantile(0.5) ?? 0
    print(Samples.row("microseconds", "n", "min", "p50", "p95", "p50/roost"))
    for name in Case.allCases {
      if let sample = samples[name] { print(sample.row(name.rawValue, base: base)) }
    }
    if quiet.failures > 0 { print("\(quiet.failures) rounds on a busy machine") }
  }

  private func run(_ name: Case, _ program: String, _ arguments: [String], _ isMeasured: Bool) throws {
    let start = ContinuousClock.now
    let end = try ChildProcess(program: program, arguments: arguments).wait()
    guard end == .code(0) else { throw Unexpected(what: "\(program): \(end.map { "\($0)" } ?? "still runs")") }
    if isMeasured { samples[name, default: Samples()].append(ContinuousClock.now - start) }
  }

  private func runRoost(
    _ number: UInt64, _ network: NetworkPolicyChoice, _ cases: (created: Case, whole: Case), _ isMeasured: Bool
  ) throws {
    let id = SandboxID(number)
    var recipe = SandboxRecipe(
      runtime: "bench", code: [UInt8](repeating: 0xC0, count: 32), layers: [[UInt8](repeating: 1, count: 32)],
      hostUserID: benchmarkUserIDs.lowerBound, memoryBytes: 256 << 20, processLimit: 64, volume: VolumeID(number),
      volumeMegabytes: 512)
    recipe.network = network
    let start = ContinuousClock.now
    _ = try PacketSocket.send(SpawnRequest.create(id, recipe).encoded(), over: socket)
    var packet = try receive(from: socket.rawValue)
    var created = ContinuousClock.now
    if case .trees = try SpawnEvent(decoding: packet.bytes) {
      // Comes once, before all others.
      for number in packet.takeDescriptors() { close(number) }
      packet = try receive(from: socket.rawValue)
      created = ContinuousClock.now
    }
    guard case .created(id, let sandbox) = try SpawnEvent(decoding: packet.bytes) else { throw Unexpected(what: "not created") }
    let descriptors = packet.takeDescriptors()
    defer { for number in descriptors { close(number) } }
    guard let index = sandbox.roles.firstIndex(of: .control) else { throw Unexpected(what: "no control socket") }
    try runTrue(over: descriptors[index])
    _ = try PacketSocket.send(SpawnRequest.destroy(id, keepVolume: false).encoded(), over: socket)
    guard case .destroyed(id) = try SpawnEvent(decoding: try receive(from: socket.rawValue).bytes) else {
      throw Unexpected(what: "not destroyed")
    }
    guard isMeasured else { return }
    samples[cases.created, default: Samples()].append(created - start)
    samples[cases.whole, default: Samples()].append(ContinuousClock.now - start)
  }

  private func runTrue(over control: CInt) throws {
    let order = InitRequest.start(
      ProgramStart(workingDirectory: "/var/task", arguments: ["/bin/true"], environment: ["PATH=/bin"]))
    let bytes = try order.encoded()
    guard unsafe Glibc.send(control, bytes, bytes.count, 0) == bytes.count else { throw Unexpected(what: "start not sent") }
    guard case .started = try InitEvent(decoding: try receive(from: control).bytes),
      case .exited(.runtime, .code(0)) = try InitEvent(decoding: try receive(from: control).bytes)
    else { throw Unexpected(what: "true failed") }
  }

  private func receive(from number: CInt) throws -> Packet {
    var ready = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
    _ = unsafe poll(&ready, 1, 10_000)
    let socket = Descriptor(owning: number)
    let packet = try PacketSocket.receive(from: socket, limit: 65_536)
    _ = socket.release()
    guard let packet, !packet.isEnd else { throw Unexpected(what: "no answer") }
    return packet
  }
}
