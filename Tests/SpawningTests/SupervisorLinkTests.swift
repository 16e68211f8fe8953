import Glibc
import LinuxSystem
import SpawnProtocol
import Testing

@testable import Spawning

@Suite struct SupervisorLinkTests {
  @Test func `a supervisor that floods is heard in turn with others`() throws {
    let ends = try PacketSocket.pair()
    let loop = try EventLoop()
    var heard = 0
    let link = try SupervisorLink(socket: ends.first, loop: loop) { _ in heard += 1 }
    let count = 2 * SupervisorLink.turn
    for number in 0..<count {
      #expect(try PacketSocket.send(SpawnRequest.kill(SandboxID(UInt64(number))).encoded(), over: ends.second))
    }
    let other = try Descriptor.eventCounter()
    try other.raiseEvent()
    _ = try loop.watch(other.rawValue) { loop.stop() }
    try loop.run()
    #expect(heard <= SupervisorLink.turn)
    while heard < count { try loop.run() }
    link.close()
  }

  @Test func `a supervisor that does not read its answers is ended, not before the limit`() throws {
    let ends = try PacketSocket.pair()
    let loop = try EventLoop()
    var reasons: [String] = []
    let link = try SupervisorLink(socket: ends.first, loop: loop) {
      if case .end(let reason) = $0 { reasons.append(reason) }
    }
    for number in 0..<SupervisorLink.unreadLimit { link.send(.destroyed(SandboxID(UInt64(number)))) }
    #expect(reasons.isEmpty)
    // What the socket itself holds comes on top.
    for number in 0..<SupervisorLink.unreadLimit { link.send(.destroyed(SandboxID(UInt64(number)))) }
    #expect(reasons == ["does not read its answers"])
    withExtendedLifetime(ends.second) {}
  }

  @Test func `descriptors whose close waits end the supervisor, and nobody waits`() throws {
    for bytes in [[1] as [UInt8], [UInt8](repeating: 1, count: SpawnProtocol.maximumPacket + 1)] {
      let ends = try PacketSocket.pair()
      let lingering = try LingeringSocket()
      #expect(try PacketSocket.send(bytes, descriptors: [lingering.passed()], over: ends.second))
      // Nobody will read this one: it closes with roostd's end.
      #expect(try PacketSocket.send([1], descriptors: [lingering.passed()], over: ends.second))
      lingering.leaveToOthers()
      let loop = try EventLoop()
      var reasons: [String] = []
      let began = ContinuousClock.now
      do {
        let link = try SupervisorLink(socket: ends.first, loop: loop) {
          if case .end(let reason) = $0 { reasons.append(reason) }
          loop.stop()
        }
        try loop.run()
        link.close()
      }
      #expect(ContinuousClock.now - began < .seconds(LingeringSocket.seconds / 2))
      #expect(reasons.count == 1 && reasons[0].contains("EMSGSIZE"))
      // The other end has been there all the time.
      withExtendedLifetime(lingering) {}
      withExtendedLifetime(ends.second) {}
    }
  }

  @Test func `what waited for the supervisor comes in order`() throws {
    let ends = try PacketSocket.pair()
    let loop = try EventLoop()
    let theirs = ends.second
    let link = try SupervisorLink(socket: ends.first, loop: loop) { _ in }
    let count: UInt64 = 2000
    for number in 0..<count { link.send(.destroyed(SandboxID(number))) }
    var next: UInt64 = 0
    let watch = try loop.watch(theirs.rawValue) {
      while let packet = try? PacketSocket.receive(from: theirs, limit: SpawnProtocol.maximumPacket) {
        #expect((try? SpawnEvent(decoding: packet.bytes)) == .destroyed(SandboxID(next)))
        next += 1
      }
      if next == count { loop.stop() }
    }
    try loop.run()
    loop.cancel(watch)
    link.close()
    #expect(next == count)
  }
}

/// A connection with more to send than its other end takes, and SO_LINGER: its last close(2) waits.
final class LingeringSocket {
  static let seconds = 20

  private let listener: CInt
  private let near: CInt
  private let far: CInt
  private var isOurs = true

  init() throws {
    let (listener, near) = (Self.newSocket(), Self.newSocket())
    (self.listener, self.near) = (listener, near)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let connected = withUnsafeMutableBytes(of: &address) { bytes in
      let place = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
      guard let place, bind(listener, place, length) == 0, listen(listener, 1) == 0, getsockname(listener, place, &length) == 0 else {
        return false
      }
      return connect(near, place, length) == 0
    }
    far = accept(listener, nil, nil)
    guard connected, far >= 0 else { throw SystemError(call: "connect", object: "loopback", errno: errno) }
    let bytes = [UInt8](repeating: 0, count: 1 << 20)
    while Glibc.send(near, bytes, bytes.count, CInt(MSG_DONTWAIT)) > 0 {}
    var option = linger(l_onoff: 1, l_linger: CInt(Self.seconds))
    guard setsockopt(near, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size)) == 0 else {
      throw SystemError(call: "setsockopt", object: "SO_LINGER", errno: errno)
    }
  }

  private static func newSocket() -> CInt {
    socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  }

  /// With the other end gone the close waits no longer.
  deinit { for number in [far, listener] + (isOurs ? [near] : []) { Glibc.close(number) } }

  func passed() -> CInt { near }

  /// Ours is not the last descriptor of it from now on.
  func leaveToOthers() {
    isOurs = false
    Glibc.close(near)
  }

}
