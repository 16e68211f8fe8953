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
