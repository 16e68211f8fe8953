import FunctionModel
import Glibc
import LinuxSystem
import Logging
import NIOCore
import NIOPosix
import Sandboxing
import SpawnProtocol
import Synchronization

@testable import Environments

/// roostd's end of the socket, played by the test: its "sandboxes" are loopback listeners, pipes and plain files.
final class FakeRoostd: Sendable {
  let spawner: SandboxSpawner
  private let socket: Descriptor
  private let watcher: DescriptorWatcher
  /// Every tree of control groups in one.
  private let groups: String
  private let state = Mutex(State())

  private struct State {
    var sandboxes: [FakeSandbox] = []
    var made: UInt64 = 0
    var refusal: SpawnFailure?
    var waiting: [CheckedContinuation<FakeSandbox, Never>] = []
    var taken = 0
  }

  init() throws {
    var ends: [CInt] = [0, 0]
    precondition(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
    watcher = try DescriptorWatcher()
    socket = Descriptor(owning: ends[1])
    spawner = try SandboxSpawner(socket: Descriptor(owning: ends[0]), watcher: watcher, logger: Logger(label: "test")) {}
    var template = Array("/tmp/roost-test-XXXXXX".utf8CString)
    groups = String(cString: mkdtemp(&template))
    _ = try watcher.watch(socket.rawValue, for: .readable, oneShot: false) { [weak self] in self?.serve() }
    let roles: [TreeRole] = [.unified, .memory, .cpu, .cpuAccounting, .processes]
    try send(.trees(roles), descriptors: roles.map { [groups] _ in open(groups, O_RDONLY | O_DIRECTORY) })
  }

  deinit { rmdir(groups) }

  /// The next sandbox that is made, in order.
  func nextSandbox() async -> FakeSandbox {
    await withCheckedContinuation { continuation in
      let ready = state.withLock { state -> FakeSandbox? in
        guard state.taken < state.sandboxes.count else {
          state.waiting.append(continuation)
          return nil
        }
        state.taken += 1
        return state.sandboxes[state.taken - 1]
      }
      if let ready { continuation.resume(returning: ready) }
    }
  }

  func refuse(with failure: SpawnFailure) { state.withLock { $0.refusal = failure } }

  var volumes: [VolumeID] { state.withLock { $0.sandboxes.map(\.volume) } }

  private func serve() {
    do {
      while let packet = try PacketSocket.receive(from: socket, limit: 4_096) {
        if packet.isEnd { return }
        try answer(try SpawnRequest(decoding: packet.bytes))
      }
    } catch { fatalError("the fake roostd: \(error)") }
  }

  private func answer(_ request: SpawnRequest) throws {
    switch request {
    case .create(let id, let recipe):
      if let refusal = state.withLock({ $0.refusal }) { return try send(.failed(id, refusal)) }
      let group = state.withLock { state in
        state.made += 1
        return state.made
      }
      let sandbox = try FakeSandbox(volume: recipe.volume, directory: "\(groups)/\(group)")
      let (roles, numbers) = sandbox.handOver()
      let created = CreatedSandbox(
        hostProcessID: 1, group: group, freezer: .v2, memory: .v1, cpu: .v1, roles: roles, microseconds: 1)
      try send(.created(id, created), descriptors: numbers)
      let waiter = state.withLock { state -> CheckedContinuation<FakeSandbox, Never>? in
        state.sandboxes.append(sandbox)
        guard !state.waiting.isEmpty else { return nil }
        state.taken += 1
        return state.waiting.removeFirst()
      }
      waiter?.resume(returning: sandbox)
    case .kill: break
    case .destroy(let id, _): try send(.destroyed(id))
    case .release, .createUnpacker: break
    }
  }

  private func send(_ event: SpawnEvent, descriptors: [CInt] = []) throws {
    _ = try PacketSocket.send(event.encoded(), descriptors: descriptors, over: socket)
    for number in descriptors { close(number) }
  }
}

/// What stands behind the descriptors of one pretended sandbox.
final class FakeSandbox: Sendable {
  let volume: VolumeID
  let port: Int
  private let directory: String
  private let control: CInt
  /// The runtime's end of its log channel.
  private let logChannel = Mutex<CInt>(-1)
  private let output: CInt
  private let outOfMemory: CInt
  private let handed: Mutex<[(DescriptorRole, CInt)]>

  /// - Parameter directory: its control group, in every tree.
  init(volume: VolumeID, directory: String) throws {
    self.volume = volume
    self.directory = directory
    mkdir(directory, 0o700)
    let (listener, port) = Self.listener()
    self.port = port
    var sockets: [CInt] = [0, 0]
    precondition(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &sockets) == 0)
    let (process, output, errorOutput, memory) = (Self.pipe(), Self.pipe(), Self.pipe(), Self.pipe())
    control = sockets[0]
    self.output = output.1
    outOfMemory = memory.1
    func file(_ name: String, _ content: String) -> CInt {
      let number = open("\(directory)/\(name)", O_RDWR | O_CREAT, 0o600)
      _ = content.withCString { write(number, $0, strlen($0)) }
      return number
    }
    handed = Mutex([
      (.process, process.0), (.control, sockets[1]), (.listener, listener), (.standardOutput, output.0),
      (.standardError, errorOutput.0), (.freeze, file("freeze", "-")), (.kill, file("kill", "-")),
      (.cpuQuota, file("quota", "-")), (.outOfMemory, memory.0), (.cpuWeight, file("weight", "-")),
    ])
    for (name, content) in Self.statistics { close(file(name, content)) }
  }

  private static let statistics = [
    "memory.oom_control": "oom_kill 0\n", "memory.max_usage_in_bytes": "41943040\n", "memory.usage_in_bytes": "20971520\n",
    "cpuacct.usage": "5000000\n", "cpu.stat": "nr_periods 9\nnr_throttled 2\nthrottled_time 30000000\n", "pids.events": "max 1\n",
    "memory.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=400\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
  ]

  deinit {
    for number in [control, output, outOfMemory, logChannel.withLock({ $0 })] where number >= 0 { close(number) }
    for name in ["freeze", "kill", "quota", "weight"] + Self.statistics.keys {
      unlink("\(directory)/\(name)")
    }
    rmdir(directory)
  }

  func handOver() -> ([DescriptorRole], [CInt]) {
    let all = handed.withLock { $0 }
    return (all.map(\.0), all.map(\.1))
  }

  /// What the kernel says from now on.
  func replace(_ name: String, _ content: String) {
    let number = open("\(directory)/\(name)", O_WRONLY | O_TRUNC)
    _ = content.withCString { write(number, $0, strlen($0)) }
    close(number)
  }

  /// What the environment wrote to `freeze`, `kill`, `quota` or `weight`.
  func content(of name: String) -> String {
    let number = open("\(directory)/\(name)", O_RDONLY)
    defer { close(number) }
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = read(number, &bytes, 64)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  func print(_ text: String) { _ = text.withCString { write(output, $0, strlen($0)) } }
  func printLine(_ text: String) { print(text + "\n") }

  /// Waits for room like a runtime, and so only from a thread of its own if there may be none.
  func writeFrames(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(logChannel.withLock { $0 }, $0.baseAddress, $0.count) }
      precondition(count > 0)
      rest = rest.dropFirst(count)
    }
  }

  /// The descriptors beside the request to start the runtime: its log channel.
  private func takeStart() {
    var waiting = pollfd(fd: control, events: Int16(POLLIN), revents: 0)
    precondition(poll(&waiting, 1, -1) == 1)
    let socket = Descriptor(owning: dup(control))
    guard var packet = try? PacketSocket.receive(from: socket, limit: 65_536),
      let channel = packet.takeFirstDescriptor()
    else { preconditionFailure("a start brings the log channel") }
    let number = channel.release()
    logChannel.withLock { $0 = number }
  }

  /// A runtime in it: connects once roost-init has been told to start one.
  func runtime() async -> FakeRuntime {
    await withCheckedContinuation { continuation in
      ThreadBody { [port] in
        self.takeStart()
        continuation.resume(returning: FakeRuntime(port: port))
      }.start()
    }
  }

  func tell(_ event: InitEvent) {
    let bytes = event.encoded()
    precondition(write(control, bytes, bytes.count) == bytes.count)
  }

  /// The same without the notice.
  func killForMemory() { replace("memory.oom_control", "oom_kill 1\n") }

  /// One process dies for want of memory, as v1 tells it: the notice first.
  func runOutOfMemory() {
    killForMemory()
    _ = write(outOfMemory, "12345678", 8)
  }

  private static func pipe() -> (CInt, CInt) {
    var ends: [CInt] = [0, 0]
    precondition(Glibc.pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    return (ends[0], ends[1])
  }

  private static func listener() -> (CInt, Int) {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        precondition(bind(number, address, length) == 0 && listen(number, 16) == 0)
        precondition(getsockname(number, address, &length) == 0)
      }
    }
    return (number, Int(UInt16(bigEndian: address.sin_port)))
  }
}
