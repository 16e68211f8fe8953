import SpawnProtocol
import Testing

/// The same packets in every run: SplitMix64 from a fixed seed.
private struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Foreign bytes never trap, and what is understood means one thing only: it is encoded to the very bytes it was decoded from.
@Suite struct FuzzTests {
  @Test func `random bytes never trap`() {
    var generator = SeededGenerator(state: 1)
    for _ in 0..<20_000 {
      let length = Int.random(in: 0...120, using: &generator)
      var packet = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
      if !packet.isEmpty { packet[0] &= 7 }
      _ = decodeWithAll(packet)
    }
  }

  @Test func `changed packets never trap, and some are understood`() throws {
    var generator = SeededGenerator(state: 2)
    var packets = Samples.requests.map { $0.encoded() } + Samples.events.map { $0.encoded() }
    packets += try Samples.initRequests.map { try $0.encoded() }
    packets += Samples.initEvents.map { $0.encoded() }
    var understood = 0
    for _ in 0..<20_000 {
      understood += decodeWithAll(mutated(packets.randomElement(using: &generator)!, using: &generator))
    }
    #expect(understood > 100)
  }

  private func mutated(_ packet: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
    var packet = packet
    for _ in 0..<Int.random(in: 1...3, using: &generator) {
      let place = Int.random(in: 0..<max(1, packet.count), using: &generator)
      switch Int.random(in: 0..<5, using: &generator) {
      case 0 where place < packet.count: packet[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 1 where place < packet.count: packet[place] = [0, 1, 127, 128, 255].randomElement(using: &generator)!
      case 2 where place < packet.count: packet.remove(at: place)
      case 3: packet.insert(UInt8.random(in: .min ... .max, using: &generator), at: min(place, packet.count))
      default: packet.removeLast(min(packet.count, place))
      }
    }
    return packet
  }

  /// How many of the four decoders understood the packet.
  private func decodeWithAll(_ packet: [UInt8]) -> Int {
    var understood = 0
    if let request = try? SpawnRequest(decoding: packet) {  // Refusing is the usual outcome here; a trap would be the failure.
      #expect(request.encoded() == packet)
      #expect((try? SpawnRequest(decoding: request.encoded())) == request)
      understood += 1
    }
    if let event = try? SpawnEvent(decoding: packet) {  // As above.
      #expect(event.encoded() == packet)
      understood += 1
    }
    if let request = try? InitRequest(decoding: packet) {  // As above.
      #expect((try? request.encoded()) == packet)
      understood += 1
    }
    if let event = try? InitEvent(decoding: packet) {  // As above.
      #expect(event.encoded() == packet)
      understood += 1
    }
    return understood
  }
}
