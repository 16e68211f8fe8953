import SpawnProtocol
import Testing

@Suite struct CodingTests {
  @Test(arguments: Samples.requests) func `a request comes back as it was sent`(request: SpawnRequest) throws {
    #expect(try SpawnRequest(decoding: request.encoded()) == request)
  }

  @Test(arguments: Samples.events) func `an event comes back as it was sent`(event: SpawnEvent) throws {
    #expect(try SpawnEvent(decoding: event.encoded()) == event)
  }

  @Test(arguments: Samples.initRequests) func `a request to roost-init comes back as it was sent`(request: InitRequest) throws {
    #expect(try InitRequest(decoding: request.encoded()) == request)
  }

  @Test(arguments: Samples.initEvents) func `an event of roost-init comes back as it was sent`(event: InitEvent) throws {
    #expect(try InitEvent(decoding: event.encoded()) == event)
  }

  @Test(arguments: SpawnStep.allCases) func `every step can be reported`(step: SpawnStep) throws {
    let event = SpawnEvent.failed(SandboxID(1), SpawnFailure(step: step, errno: 4_095))
    #expect(try SpawnEvent(decoding: event.encoded()) == event)
  }

  @Test func `a packet that is cut short anywhere is refused`() {
    for request in Samples.requests { expectTruncated(request.encoded()) { try SpawnRequest(decoding: $0).encoded() } }
    for event in Samples.events { expectTruncated(event.encoded()) { try SpawnEvent(decoding: $0).encoded() } }
    for event in Samples.initEvents { expectTruncated(event.encoded()) { try InitEvent(decoding: $0).encoded() } }
  }

  @Test func `bytes after the last field are refused`() {
    for request in Samples.requests {
      #expect(throws: SpawnProtocolError.trailingBytes(1)) { try SpawnRequest(decoding: request.encoded() + [0]) }
    }
    for event in Samples.events {
      #expect(throws: SpawnProtocolError.trailingBytes(1)) { try SpawnEvent(decoding: event.encoded() + [0]) }
    }
    for request in Samples.initRequests {
      #expect(throws: SpawnProtocolError.trailingBytes(1)) { try InitRequest(decoding: request.encoded() + [0]) }
    }
    for event in Samples.initEvents {
      #expect(throws: SpawnProtocolError.trailingBytes(1)) { try InitEvent(decoding: event.encoded() + [0]) }
    }
  }

  @Test func `an unknown kind, an empty and an oversized packet are refused`() {
    #expect(throws: SpawnProtocolError.unknownKind(6)) { try SpawnRequest(decoding: [6]) }
    #expect(throws: SpawnProtocolError.unknownKind(0)) { try SpawnEvent(decoding: [0]) }
    #expect(throws: SpawnProtocolError.unknownKind(5)) { try InitEvent(decoding: [5, 0, 0, 0]) }
    #expect(throws: SpawnProtocolError.truncated) { try SpawnRequest(decoding: []) }
    #expect(throws: SpawnProtocolError.tooLong(4_097)) { try SpawnRequest(decoding: [UInt8](repeating: 2, count: 4_097)) }
    #expect(throws: SpawnProtocolError.tooLong(65_537)) { try InitRequest(decoding: [UInt8](repeating: 1, count: 65_537)) }
  }

  private func expectTruncated(_ packet: [UInt8], _ decode: ([UInt8]) throws -> [UInt8]) {
    for length in 0..<packet.count {
      #expect(throws: SpawnProtocolError.truncated) { try decode(Array(packet.prefix(length))) }
    }
  }
}
