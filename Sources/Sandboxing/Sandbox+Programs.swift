package import LinuxSystem
package import SpawnProtocol
import Synchronization

/// A descriptor of ours that a program is given a copy of.
package struct PassedDescriptor: Sendable {
  package var number: CInt
  /// Its number in the program: 1, 2, or 16 to 63.
  package var target: UInt8

  package init(number: CInt, target: UInt8) {
    self.number = number
    self.target = target
  }
}

/// The end of a pipe that is read here.
final class OutputPipe: Sendable {
  let readEnd: Descriptor

  init(_ readEnd: consuming Descriptor) { self.readEnd = readEnd }
}

// The programs of a sandbox, and what is said to them through roost-init.
extension Sandbox {
  /// Starts a program; the runtime is the last. roost-init answers with an event.
  ///
  /// - Parameter passed: what the program gets beside, or in place of, what the sandbox was made with. Stays the caller's.
  /// - Throws: `SpawnProtocolError` for a launch that does not fit into a message, `SystemError` from sendmsg(2).
  package func start(_ launch: Launch, as program: ProgramNumber = .runtime, passing passed: [PassedDescriptor] = []) throws {
    let start = ProgramStart(
      program: program, workingDirectory: launch.workingDirectory, arguments: launch.arguments,
      environment: launch.environment.map { "\($0.key)=\($0.value)" }.sorted(), descriptors: passed.map(\.target))
    try send(.start(start), descriptors: passed.map(\.number))
  }

  /// The same for the runtime, with a log channel as ``Launch/logChannel``.
  package func startRuntime(_ launch: Launch) throws {
    let pipe = try Pipe(nonBlockingReadEnd: true)
    // Nobody in the sandbox may open it anew to read, or to write without waiting.
    try pipe.writeEnd.setMode(0o200)
    try start(launch, passing: [PassedDescriptor(number: pipe.writeEnd.rawValue, target: Launch.logChannel)])
    try watch(OutputPipe(pipe.readEnd), as: .logChannel)
  }

  /// The same for an extension, whose output is a stream of its own.
  package func startExtension(_ launch: Launch, as program: ProgramNumber) throws {
    let pipe = try Pipe(nonBlockingReadEnd: true)
    // As with the runtime's: /dev/stdout can be opened to write, and by nobody to read.
    try pipe.writeEnd.setMode(0o622)
    let writeEnd = pipe.writeEnd.rawValue
    try start(launch, as: program, passing: [1, 2].map { PassedDescriptor(number: writeEnd, target: $0) })
    try watch(OutputPipe(pipe.readEnd), as: .extension(program))
  }

  /// Signals a program's process group; nothing happens where it has not been started.
  package func signal(_ number: Int32, _ program: ProgramNumber) throws {
    try send(.signal(number, program))
  }

  /// An unconnected, non-blocking TCP socket made inside the sandbox's network, which the caller owns. A frozen sandbox answers when it
  /// is thawed.
  ///
  /// - Throws: what the kernel answered inside; EPIPE when the sandbox ends first, EAGAIN while too many are being waited for.
  package func makeSocket() async throws(SystemError) -> CInt {
    let result = await withCheckedContinuation { continuation in
      do {
        try socketRequests.withLock { waiting in
          guard waiting.count < Self.socketRequestLimit else { throw socketFailure(EAGAIN) }
          try send(.socket)
          waiting.append(continuation)
        }
      } catch {
        continuation.resume(returning: .failure(error as? SystemError ?? socketFailure(EINVAL)))
      }
    }
    return try result.get()
  }

  /// A stream socket that is connected to a port of the sandbox's 127.0.0.1, which the caller owns.
  package func connect(toPort port: UInt16) async throws(SystemError) -> CInt {
    let socket = Descriptor(owning: try await makeSocket())
    try StreamSocket.connectToLoopback(socket, port: port)
    return socket.release()
  }

  private static var socketRequestLimit: Int { 16 }
  private var EAGAIN: Int32 { 11 }
  private var EINVAL: Int32 { 22 }
  private var EPIPE: Int32 { 32 }

  private func send(_ request: InitRequest, descriptors passed: [CInt] = []) throws {
    guard try PacketSocket.send(request.encoded(), descriptors: passed, over: descriptors.control) else {
      throw SystemError(call: "sendmsg", object: "control socket of sandbox \(id)", errno: EAGAIN)
    }
  }

  private func socketFailure(_ errno: Int32) -> SystemError {
    SystemError(call: "socket", object: "sandbox \(id)", errno: errno)
  }

  /// roost-init has answered the first who waits.
  ///
  /// - Returns: false for what roost-init does not send.
  func takeSocket(errno: Int32, _ packet: inout Packet) -> Bool {
    let waiting = socketRequests.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    guard let waiting else { return false }
    guard errno == 0 else {
      waiting.resume(returning: .failure(socketFailure(errno)))
      return packet.descriptors.isEmpty
    }
    do throws(SystemError) {
      guard let socket = packet.takeFirstDescriptor(), try StreamSocket.isUnconnected(socket) else {
        waiting.resume(returning: .failure(socketFailure(EINVAL)))
        return false
      }
      try socket.makeNonBlocking()
      waiting.resume(returning: .success(socket.release()))
    } catch {
      waiting.resume(returning: .failure(error))
    }
    return true
  }

  /// No socket will come any more.
  func endSocketRequests() {
    let waiting = socketRequests.withLock { waiting in
      defer { waiting = [] }
      return waiting
    }
    for continuation in waiting { continuation.resume(returning: .failure(socketFailure(EPIPE))) }
  }

  /// What came through a pipe that was made here. Without one for that stream there is nothing to come.
  func readPipe(of stream: OutputStream, into buffer: inout [UInt8], upTo limit: Int) throws(SystemError) -> ReadOutcome {
    guard let pipe = pipes.withLock({ $0[stream] }) else { return .endOfFile }
    return try pipe.readEnd.read(into: &buffer, upTo: limit)
  }
}
