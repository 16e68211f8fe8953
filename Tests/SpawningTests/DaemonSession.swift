import Glibc
import LinuxSystem
import SpawnProtocol

@testable import Spawning

/// A roostd process with a fake supervisor, which hands its socket to the test.
final class DaemonSession {
  let installation: Installation
  private(set) var process: ChildProcess
  private let rendezvous: Descriptor
  private var hasEnded = false

  /// The user of the fake supervisor; every host has it.
  static let user = "nobody"

  /// - Parameter wrapper: a program, with its first arguments, that runs roostd and passes SIGTERM and its end on.
  init(
    _ installation: Installation, supervisorOptions: [String] = [], user: String = DaemonSession.user, wrapper: [String] = []
  ) throws {
    self.installation = installation
    rendezvous = try Descriptor(listeningAt: "\(installation.stateDirectory)/test.sock")
    process = try installation.startDaemon(supervisorOptions, user: user, wrapper: wrapper)
  }

  deinit {
    guard !hasEnded else { return }
    do {
      try process.send(signal: SIGKILL)
      _ = try process.wait()
    } catch { print("roostd: \(error)") }
  }

  /// Waits for a supervisor to come up.
  func nextSupervisor(within limit: Duration = .limit(20)) throws -> FakeSupervisor {
    let connection = try rendezvous.acceptConnection(within: limit)
    var packet = try receivePacket(from: connection, within: limit)
    guard let socket = packet.takeFirstDescriptor() else { throw SpawnerSession.Ended(reason: "no descriptor") }
    return FakeSupervisor(introduction: String(decoding: packet.bytes, as: UTF8.self), connection: connection, socket: socket)
  }

  func signal(_ number: Int32) throws { try process.send(signal: number) }

  /// How roostd ends.
  func end(within limit: Duration = .limit(20)) throws -> ChildProcess.End? {
    let end = try process.wait(for: limit)
    hasEnded = end != nil
    return end
  }

  /// Starts another roostd on the same directory, after this one has ended.
  func restart(_ supervisorOptions: [String] = []) throws {
    process = try installation.startDaemon(supervisorOptions, user: Self.user)
    hasEnded = false
  }
}

/// The fake supervisor: its end of the socket to roostd is the test's.
final class FakeSupervisor {
  let introduction: String
  let connection: Descriptor
  let socket: Descriptor

  init(introduction: String, connection: consuming Descriptor, socket: consuming Descriptor) {
    self.introduction = introduction
    self.connection = connection
    self.socket = socket
  }

  func value(_ name: String) -> String? {
    introduction.split(separator: " ").first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.utf8.count + 1)) }
  }

  func exit(_ status: UInt8) throws { _ = try PacketSocket.send([status], over: connection) }

  /// Has it try something; the errno that it met, or a process id.
  func ask(_ words: String...) throws -> Int32? {
    _ = try PacketSocket.send(Array(words.joined(separator: " ").utf8), over: connection)
    return Int32(String(decoding: try receivePacket(from: connection, within: .seconds(20)).bytes, as: UTF8.self))
  }

  var processID: String { value("pid") ?? "" }

  func create(_ number: UInt64, _ recipe: SandboxRecipe) throws -> RunningSandbox {
    _ = try PacketSocket.send(SpawnRequest.create(SandboxID(number), recipe).encoded(), over: socket)
    let received = try next()
    guard case .created(_, let created) = received.event else { throw SpawnerSession.Ended(reason: "\(received.event)") }
    return RunningSandbox(created, received)
  }

  /// The next event but for every supervisor's first.
  func next() throws -> Received {
    while true {
      var packet = try receivePacket(from: socket, within: .limit(20))
      let received = Received(event: try SpawnEvent(decoding: packet.bytes), descriptors: packet.takeDescriptors())
      guard case .trees = received.event else { return received }
    }
  }
}

extension Installation {
  /// Copies roostd, the unpacker and the fake supervisor beside roost-init, once.
  func installDaemon() throws {
    try makeDirectories(programs)
    for name in ["roostd", "roost-unpack"] { try run("/bin/cp", ["\(buildDirectory)/\(name)", "\(programs)/\(name)"]) }
    try compile("fake-supervisor", static: true, to: "\(programs)/roost-supervisor")
    try run("/bin/chmod", ["-R", "go+rX", path])
  }

  func startDaemon(_ supervisorOptions: [String], user: String, wrapper: [String] = []) throws -> ChildProcess {
    if unsafe access("\(programs)/roostd", X_OK) != 0 { try installDaemon() }
    // The test's socket is there already, and would else be taken for somebody else's.
    let lock = "\(stateDirectory)/run/lock"
    if unsafe access(lock, F_OK) != 0 { _ = try Descriptor.open(lock, flags: O_WRONLY | O_CREAT, mode: 0o600) }
    let words = wrapper + daemonWords(stateDirectory: stateDirectory, user: user) + supervisorOptions
    return try ChildProcess(program: words[0], arguments: Array(words.dropFirst()))
  }

  func daemonWords(stateDirectory: String, user: String) -> [String] {
    [
      "\(programs)/roostd", "--user", user, "--state-dir", stateDirectory, "--runtimes-dir", runtimesDirectory, "--uids",
      "\(userIDs.lowerBound)-\(userIDs.upperBound)",
    ]
  }

  var controlGroupName: String { ControlGroupTree.name(forStateDirectory: stateDirectory) }
}

/// Where SwiftPM puts products: the test program is among them.
var buildDirectory: String {
  var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
  let count = unsafe readlink("/proc/self/exe", &bytes, bytes.count)
  let path = String(decoding: bytes.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
  guard path.hasSuffix(".xctest") else {
    // A helper of the toolchain loads the tests; the bundle is its argument.
    let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? path
    return String(bundle[..<(bundle.lastIndex(of: "/") ?? bundle.startIndex)])
  }
  return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
}

extension Descriptor {
  /// A packet socket that everybody may connect to. unix(7).
  init(listeningAt path: String) throws {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: Array(path.utf8).prefix($0.count - 1)) }
    let number = socket(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0)
    let bound = unsafe withUnsafeBytes(of: &address) { bytes in
      unsafe Glibc.bind(number, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
    }
    guard bound == 0, listen(number, 8) == 0, unsafe chmod(path, 0o777) == 0 else {
      throw SystemError(call: "bind", object: path, errno: errno)
    }
    self.init(owning: number)
  }

  borrowing func acceptConnection(within limit: Duration) throws -> Descriptor {
    let poller = try Poller()
    try poller.add(rawValue, for: .readable, token: 0)
    guard try !poller.wait(timeout: limit).isEmpty else { throw SpawnerSession.Ended(reason: "nobody connected") }
    return Descriptor(owning: accept(rawValue, nil, nil))
  }
}
