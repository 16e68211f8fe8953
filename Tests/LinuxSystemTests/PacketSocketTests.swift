import Glibc
import LinuxSystem
import Testing

@Suite struct PacketSocketTests {
  @Test func `a packet keeps its borders and brings its descriptors`() throws {
    let pair = try PacketSocket.pair()
    let pipe = try Pipe()
    #expect(try PacketSocket.send([1, 2, 3], descriptors: [pipe.writeEnd.rawValue], over: pair.first))
    #expect(try PacketSocket.send([4], over: pair.first))

    var first = try received(from: pair.second)
    #expect(first.bytes == [1, 2, 3])
    let isEnd = first.isEnd
    #expect(!isEnd)
    let passed = first.takeFirstDescriptor()!
    #expect(fcntl(passed.rawValue, F_GETFD) & FD_CLOEXEC != 0)
    #expect(try passed.write([9][...]) == 1)
    var buffer: [UInt8] = []
    #expect(try pipe.readEnd.read(into: &buffer, upTo: 8) == .bytes(1))
    #expect(buffer == [9])

    let second = try received(from: pair.second)
    #expect(second.bytes == [4])
    #expect(second.descriptors.isEmpty)
  }

  @Test func `an empty socket answers nil and a closed one its end`() throws {
    let pair = try PacketSocket.pair()
    let first = pair.first
    let second = pair.second
    #expect(try refusal { _ = try received(from: second) } == EAGAIN)
    #expect(try PacketSocket.send([1], over: first))
    _ = consume first
    let last = try received(from: second)
    #expect(last.bytes == [1])
    let end = try received(from: second)
    let isEnd = end.isEnd
    #expect(isEnd)
    #expect(try refusal { _ = try PacketSocket.send([1], over: second) } == EPIPE)
  }

  @Test func `a full socket answers false instead of waiting`() throws {
    let pair = try PacketSocket.pair()
    let packet = [UInt8](repeating: 1, count: 4_096)
    var sent = 0
    while try PacketSocket.send(packet, over: pair.first) {
      sent += 1
      try #require(sent < 100_000)
    }
    #expect(sent > 0)
    _ = try PacketSocket.receive(from: pair.second, limit: 4_096)
  }

  @Test func `too much is refused, and its descriptors are closed`() throws {
    let pair = try PacketSocket.pair()
    let pipe = try Pipe(nonBlockingReadEnd: true)
    let copies = Array(repeating: pipe.writeEnd.rawValue, count: 4)
    #expect(try PacketSocket.send([1, 2, 3], descriptors: copies, over: pair.first))
    #expect(try refusal { _ = try PacketSocket.receive(from: pair.second, limit: 2) } == EMSGSIZE)
    #expect(try PacketSocket.send([1], descriptors: copies, over: pair.first))
    #expect(try refusal { _ = try PacketSocket.receive(from: pair.second, limit: 2, maximumDescriptors: 3) } == EMSGSIZE)
    #expect(try PacketSocket.send([1], descriptors: copies, over: pair.first))
    _ = try PacketSocket.receive(from: pair.second, limit: 2)  // Dropped with descriptors in it.
    _ = consume pipe.writeEnd
    // End of file only if no copy is open any more.
    var buffer: [UInt8] = []
    #expect(try pipe.readEnd.read(into: &buffer, upTo: 1) == .endOfFile)
    #expect(try refusal { _ = try PacketSocket.send([], over: pair.first) } == EINVAL)
  }

  @Test func `who may have no more descriptors gets the packet with fewer`() throws {
    let pair = try PacketSocket.pair()
    let pipe = try Pipe()
    let copies = Array(repeating: pipe.writeEnd.rawValue, count: 3)
    #expect(try PacketSocket.send([7, 8], descriptors: copies, over: pair.first))
    let free = dup(0)
    close(free)
    // Room for one more: the lowest number that is free, and none above it.
    let packet = try withDescriptorLimit(free + 1) { try received(from: pair.second) }
    #expect(packet.bytes == [7, 8])
    #expect(packet.descriptors == [free])
    #expect(try PacketSocket.send([9], over: pair.first))
    let next = try received(from: pair.second)
    #expect(next.bytes == [9])
  }

  private func withDescriptorLimit<Result: ~Copyable>(_ limit: CInt, _ body: () throws -> Result) throws -> Result {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var before = rlimit()
    #expect(unsafe getrlimit(resource, &before) == 0)
    var lowered = rlimit(rlim_cur: rlim_t(limit), rlim_max: before.rlim_max)
    #expect(unsafe setrlimit(resource, &lowered) == 0)
    defer { _ = unsafe setrlimit(resource, &before) }
    return try body()
  }

  /// The next packet, which must be there.
  private func received(from socket: borrowing Descriptor) throws -> Packet {
    guard let packet = try PacketSocket.receive(from: socket, limit: 16) else {
      throw SystemError(call: "recvmsg", object: "", errno: EAGAIN)
    }
    return packet
  }
}
