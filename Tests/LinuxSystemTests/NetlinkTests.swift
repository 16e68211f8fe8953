import Glibc
import Testing

@testable import LinuxSystem

@Suite struct NetlinkTests {
  private static func packet() -> [UInt8] {
    var request = NetlinkRequest()
    request.append(type: 7, flags: 0, fixed: [1, 2, 3, 4]) {
      $0.add(1, text: "abc")
      $0.add(2) { $0.add(9, [5, 6, 7, 8]) }
    }
    request.append(type: 8, flags: 0)
    return request.bytes
  }

  @Test func `what is written is read again`() throws {
    let messages = NetlinkReply.messages(in: Self.packet())
    #expect(messages.map(\.type) == [7, 8])
    let attributes = try #require(messages.first).attributes(after: 4)
    #expect(attributes[1].map(Array.init) == [97, 98, 99, 0])
    #expect(attributes[2].map(Array.init) == [8, 0, 9, 0, 5, 6, 7, 8])
  }

  @Test func `of a packet that is cut anywhere the whole messages and attributes are read`() {
    let packet = Self.packet()
    for count in 0..<packet.count {
      let messages = NetlinkReply.messages(in: Array(packet.prefix(count)))
      #expect(messages.count == (count < packet.count - 16 ? 0 : 1))
    }
    let body = packet.dropFirst(16).prefix(24)
    for count in 0...24 {
      let attributes = NetlinkReply(type: 7, body: body.prefix(count)).attributes(after: 4)
      #expect(attributes.count == (count < 12 ? 0 : count < 24 ? 1 : 2))
    }
  }

  @Test func `lengths that lie end the reading`() {
    for length in [0, 1, 15, 37, 0xFFFF_FFFF] as [UInt32] {
      #expect(NetlinkReply.messages(in: native(length) + [UInt8](repeating: 0, count: 32)).isEmpty)
    }
    for length in [0, 3, 9, 0xFFFF] as [UInt16] {
      #expect(NetlinkReply(type: 1, body: (native(length) + [1, 0, 0, 0, 0, 0])[...]).attributes(after: 0).isEmpty)
    }
  }

  @Test func `random and changed bytes never trap`() {
    var generator = SplitMix(state: 3)
    for _ in 0..<20_000 {
      var bytes = Bool.random(using: &generator) ? Self.packet() : [UInt8](repeating: 0, count: Int.random(in: 0...70, using: &generator))
      for _ in 0..<Int.random(in: 1...8, using: &generator) where !bytes.isEmpty {
        bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...40, using: &generator)
      }
      bytes.removeLast(Int.random(in: 0...min(7, bytes.count), using: &generator))
      for message in NetlinkReply.messages(in: bytes) {
        #expect(message.attributes(after: Int.random(in: 0...16, using: &generator)).values.allSatisfy { $0.count <= message.body.count })
      }
      _ = NetlinkReply(type: 0, body: bytes[...]).attributes(after: 0)
    }
  }

  // ---- Answers ----

  private static func answer(_ type: UInt16, to number: UInt32, flags: UInt16 = 0, _ code: Int32) -> NetlinkReply {
    NetlinkReply(type: type, flags: flags, number: number, body: native(code)[...])
  }

  private static func change(_ count: Int) -> NetlinkRequest {
    var request = NetlinkRequest()
    for _ in 0..<count { request.append(type: 24, flags: NetlinkRequest.Flag.acknowledge) }
    return request
  }

  private static func refusal(of request: NetlinkRequest, _ replies: NetlinkReply..., harmless: Int32 = 0) -> Int32? {
    var answers = NetlinkAnswers(to: request, numberedFrom: 7, harmless: harmless)
    for reply in replies { _ = answers.isOne(reply) }
    return answers.refusal
  }

  @Test func `an answer counts for the request whose number it bears`() {
    let (one, two) = (Self.change(1), Self.change(2))
    #expect(Self.refusal(of: one, Self.answer(2, to: 7, 0)) == nil)
    #expect(Self.refusal(of: one, Self.answer(2, to: 6, -EPERM), Self.answer(2, to: 7, 0)) == nil, "an earlier one's")
    #expect(Self.refusal(of: two, Self.answer(2, to: 7, 0), Self.answer(2, to: 8, -EEXIST)) == EEXIST)
    #expect(Self.refusal(of: two, Self.answer(2, to: 7, -ENOENT), Self.answer(2, to: 8, -EPERM), harmless: ENOENT) == EPERM)
    #expect(Self.refusal(of: two, Self.answer(2, to: 7, 0)) == EBADMSG, "one has not been acknowledged")
    #expect(Self.refusal(of: one, Self.answer(2, to: 6, 0)) == EBADMSG)
  }

  @Test func `a list counts when it has been told to its end`() {
    var list = NetlinkRequest()
    list.append(type: 26, flags: NetlinkRequest.Flag.dump)
    #expect(Self.refusal(of: list, Self.answer(24, to: 7, 1), Self.answer(3, to: 7, 0)) == nil)
    #expect(Self.refusal(of: list, Self.answer(24, to: 7, 1), Self.answer(3, to: 7, -ENOMEM)) == ENOMEM)
    #expect(Self.refusal(of: list, Self.answer(24, to: 7, 1)) == EBADMSG)
    #expect(Self.refusal(of: list, Self.answer(24, to: 7, flags: 0x10, 1), Self.answer(3, to: 7, 0)) == EINTR)
    var answers = NetlinkAnswers(to: list, numberedFrom: 7)
    #expect(!answers.isOne(Self.answer(24, to: 6, 1)) && answers.isOne(Self.answer(24, to: 7, 1)))
  }

  @Test func `what an earlier call left in the socket is not taken for this one's answer`() throws {
    let socket = try NetlinkSocket(.route)
    var list = NetlinkRequest()
    list.append(type: 18, flags: NetlinkRequest.Flag.dump, fixed: [UInt8](repeating: 0, count: 16))
    let devices = try socket.ask(list, "RTM_GETLINK", "").count
    var wrong = NetlinkRequest()
    wrong.append(
      type: 18, flags: NetlinkRequest.Flag.acknowledge, fixed: [0, 0, 0, 0] + native(0x7FFF_FFFF as UInt32) + native(0 as UInt64))
    for left in [wrong, list] {
      let bytes = left.numbered(from: 1)
      #expect(unsafe write(socket.rawValue, bytes, bytes.count) == bytes.count)
      #expect(try socket.ask(list, "RTM_GETLINK", "").count == devices)
    }
    #expect(throws: SystemError(call: "RTM_GETLINK", object: "", errno: ENODEV)) { try socket.ask(wrong, "RTM_GETLINK", "") }
  }

  @Test func `networks are written in one way, and nothing else is one`() {
    #expect(IPv4Network("10.0.0.0/8")?.description == "10.0.0.0/8" && IPv4Network("10.1.2.3")?.prefixLength == 32)
    for text in [
      "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.1/8", "10.0.0/8", "10.0.0.0.0/8", "010.0.0.0/8",
      "256.0.0.0/8",
      "10.0.0.0/8/8", " 10.0.0.0/8", "10.0.0.0/8\n", "::/0", "١.0.0.0/8", "10.0.0.0/8 }; flush ruleset",
    ] { #expect(IPv4Network(text) == nil, "\(text)") }
  }

  @Test func `networks overlap where one holds the other`() throws {
    let all = IPv4Network(IPv4Address(0), prefixLength: 0)
    let (ten, inner, other) = (
      try #require(IPv4Network("10.0.0.0/8")), try #require(IPv4Network("10.9.0.0/16")), try #require(IPv4Network("11.0.0.0/8"))
    )
    #expect(
      ten.overlaps(inner) && inner.overlaps(ten) && all.overlaps(ten) && ten.overlaps(all) && !ten.overlaps(other) && !other.overlaps(inner)
    )
    #expect(all.count == 1 << 32 && inner.count == 65_536)
    #expect(ten.contains(IPv4Address(0x0AFF_FFFF)) && !ten.contains(IPv4Address(0x0B00_0000)))
  }
}

/// The same bytes in every run.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
