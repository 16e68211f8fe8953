import Foundation
import Glibc
import LinuxSystem
import SpawnProtocol
import Synchronization

@testable import Spawning

/// A spawner on a thread of its own, and the supervisor's end of its socket.
///
/// A thread that stays, because PID 1 of a sandbox dies with the thread that cloned it.
final class SpawnerSession: Sendable {
  struct Ended: Error { let reason: String }

  let socket: Descriptor
  private let done = DispatchSemaphore(value: 0)
  private let thread = Mutex<Int32>(0)
  private let trees = Mutex<[TreeRole: CInt]>([:])
  /// How many sandboxes were still there when the spawner was done with abandoning them.
  let leftAtEnd = Mutex<Int?>(nil)

  /// - Parameter network: with it the spawner is in a network namespace of its own, which ends with the session.
  init(
    _ installation: Installation, layout: ControlGroupLayout? = nil, unpackProgram: String? = nil, network: NetworkSettings? = nil,
    patience: Duration? = nil, adjust: (inout HostSettings) -> Void = { _ in }
  ) throws {
    let ends = try PacketSocket.pair()
    socket = ends.first
    let theirs = ends.second.release()
    var settings = installation.settings
    adjust(&settings)
    if let network { settings.network = network }
    let isolated = network != nil
    let initProgram = "\(installation.programs)/roost-init"
    let layout = try layout ?? ControlGroupLayout.detect()
    let started = DispatchSemaphore(value: 0)
    let box = FailureBox()
    Thread.detachNewThread { [done, self, settings] in
      do {
        if isolated { try enterNetworkNamespace() }
        thread.withLock { $0 = library("gettid", as: (@convention(c) () -> CInt).self)() }
        try serve(Descriptor(owning: theirs), settings, initProgram, unpackProgram, layout, patience, self) { started.signal() }
      } catch {
        box.text.withLock { $0 = "\(error)" }
        started.signal()
      }
      done.signal()
    }
    started.wait()
    if let text = box.text.withLock({ $0 }) { throw Ended(reason: text) }
  }

  /// Runs a program in the spawner's network namespace: what it printed, and how it ended.
  func runBeside(_ words: String...) throws -> (output: String, end: ChildProcess.End?) { try runBeside(words) }

  func runBeside(_ words: [String]) throws -> (output: String, end: ChildProcess.End?) {
    let namespace = "--net=/proc/\(getpid())/task/\(thread.withLock { $0 })/ns/net"
    return try output(of: "/usr/bin/nsenter", [namespace] + words)
  }

  /// Closes the socket, as a supervisor that dies does, and waits until the spawner has taken everything down.
  func end() {
    shutdown(socket.rawValue, CInt(SHUT_RDWR))
    done.wait()
  }

  func send(_ request: SpawnRequest) throws {
    guard try PacketSocket.send(request.encoded(), over: socket) else { throw Ended(reason: "socket full") }
  }

  /// The next event, with its descriptors; the directories of control groups, which come first, are kept.
  func next(within limit: Duration = .limit(20)) throws -> Received {
    while true {
      var packet = try receivePacket(from: socket, within: limit)
      let received = Received(event: try SpawnEvent(decoding: packet.bytes), descriptors: packet.takeDescriptors())
      guard case .trees(let roles) = received.event else { return received }
      let numbers = received.takeAll()
      trees.withLock { $0 = Dictionary(uniqueKeysWithValues: zip(roles, numbers)) }
    }
  }

  /// A statistic of a sandbox, read as the supervisor reads it.
  func statistic(_ file: String, of sandbox: RunningSandbox, in role: TreeRole) throws -> String {
    guard let number = trees.withLock({ $0[role] }) else { throw Ended(reason: "no tree for \(role)") }
    let tree = Descriptor(owning: dup(number))
    return try Descriptor.openBeneath(directory: tree, path: "\(sandbox.created.group)/\(file)", flags: O_RDONLY).readText()
  }

  deinit { for number in trees.withLock({ $0.values }) { close(number) } }

  func create(_ number: UInt64, _ recipe: SandboxRecipe) throws -> RunningSandbox {
    try send(.create(SandboxID(number), recipe))
    let received = try next()
    guard case .created(SandboxID(number), let created) = received.event else { throw Ended(reason: "\(received.event)") }
    return RunningSandbox(created, received)
  }

  /// Makes a sandbox, runs the probe to its end, and destroys the sandbox.
  func probe(_ words: String..., recipe: SandboxRecipe, keepVolume: Bool = false) throws -> ProbeReport {
    let number = UInt64.random(in: 1...UInt64.max)
    let sandbox = try create(number, recipe)
    let report = try sandbox.run(words)
    try destroy(number, keepVolume: keepVolume)
    return report
  }

  func destroy(_ number: UInt64, keepVolume: Bool = false) throws {
    try send(.destroy(SandboxID(number), keepVolume: keepVolume))
    while true {
      switch try next().event {
      case .destroyed(SandboxID(number)): return
      case .exited: continue
      case let other: throw Ended(reason: "\(other)")
      }
    }
  }
}

private final class FailureBox: Sendable { let text = Mutex<String?>(nil) }

/// What roostd's main does, but for the supervisor.
private func serve(
  _ socket: consuming Descriptor, _ settings: HostSettings, _ initProgram: String, _ unpackProgram: String?, _ layout: ControlGroupLayout,
  _ patience: Duration?,
  _ session: SpawnerSession, whenReady: () -> Void
) throws {
  let groups = try ControlGroupTree(layout: layout, name: ControlGroupTree.name(forStateDirectory: settings.stateDirectory))
  let state = try Descriptor.open(settings.stateDirectory, flags: O_RDONLY | O_DIRECTORY)
  let host = try SandboxHost(
    settings: settings, state: state, initProgram: initProgram, unpackProgram: unpackProgram, controlGroups: groups,
    network: try settings.network.wantsNAT ? HostNetwork(settings: settings.network, name: groups.name) : nil)
  let loop = try EventLoop()
  let volumes = try VolumePool(host: host, loop: loop)
  var spawner: Spawner?
  spawner = try Spawner(host: host, volumes: volumes, socket: socket, loop: loop) { _ in
    spawner?.abandonAll(within: patience) {
      session.leftAtEnd.withLock { $0 = spawner?.count }
      loop.stop()
    }
  }
  try host.network?.keepPolicy(on: loop)
  whenReady()
  try loop.run()
  spawner = nil
  volumes.close()
  try groups.reapLeftovers()
  try groups.remove()
  try host.network?.remove()
}

/// The next packet on a packet socket.
func receivePacket(from socket: borrowing Descriptor, within limit: Duration) throws -> Packet {
  let poller = try Poller()
  try poller.add(socket.rawValue, for: .readable, token: 0)
  let deadline = ContinuousClock.now + limit
  while ContinuousClock.now < deadline {
    if let packet = try PacketSocket.receive(from: socket, limit: 65_536) {
      if packet.isEnd { throw SpawnerSession.Ended(reason: "end of socket") }
      return packet
    }
    _ = try poller.wait(timeout: ContinuousClock.now.duration(to: deadline))
  }
  throw SpawnerSession.Ended(reason: "nothing within \(limit)")
}

/// An event and what came with it.
final class Received {
  let event: SpawnEvent
  private var descriptors: [CInt]

  init(event: SpawnEvent, descriptors: [CInt]) {
    self.event = event
    self.descriptors = descriptors
  }

  deinit { for number in descriptors { Glibc.close(number) } }

  func takeAll() -> [CInt] {
    defer { descriptors = [] }
    return descriptors
  }
}

/// Runs `body` on a thread of its own, in a fresh network with nothing but loopback.
func inOwnNetwork<Answer: Sendable>(_ body: @escaping @Sendable () throws -> Answer) throws -> Answer {
  let done = DispatchSemaphore(value: 0)
  let box = AnswerBox<Answer>()
  Thread.detachNewThread {
    let result = Result {
      try enterNetworkNamespace()
      return try body()
    }
    box.result.withLock { $0 = result }
    done.signal()
  }
  done.wait()
  guard let result = box.result.withLock({ $0 }) else { throw SpawnerSession.Ended(reason: "no answer") }
  return try result.get()
}

private final class AnswerBox<Answer: Sendable>: Sendable { let result = Mutex<Result<Answer, any Error>?>(nil) }

/// A fresh one for the calling thread, with nothing but loopback.
private func enterNetworkNamespace() throws {
  let newNetwork: CInt = 0x4000_0000
  guard library("unshare", as: (@convention(c) (CInt) -> CInt).self)(newNetwork) == 0 else {
    throw SystemError(call: "unshare", object: "network", errno: errno)
  }
  try run("/usr/bin/env", ["ip", "link", "set", "lo", "up"])
}

/// A function of the C library that Swift's header leaves out.
private func library<Function>(_ name: String, as type: Function.Type) -> Function {
  unsafeBitCast(dlsym(nil, name), to: type)
}

/// Runs a program to its end.
func output(of program: String, _ arguments: [String]) throws -> (output: String, end: ChildProcess.End?) {
  let pipe = try LinuxSystem.Pipe()
  let process = try ChildProcess(program: program, arguments: arguments, output: pipe.writeEnd.rawValue)
  let readEnd = pipe.onlyReadEnd()
  let text = String(decoding: try readEnd.readAll(limit: 1 << 20), as: UTF8.self)
  return (text, try process.wait(for: .seconds(20)))
}

extension LinuxSystem.Pipe {
  fileprivate consuming func onlyReadEnd() -> Descriptor { readEnd }
}
