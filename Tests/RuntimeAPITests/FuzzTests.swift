import NIOCore
import Testing

@testable import RuntimeAPI

/// The peer is tenant code: whatever it sends, the server neither ends nor stops answering.
@Suite(.timeLimit(.minutes(2))) struct FuzzTests {
  /// Deterministic, so that a failure can be had again.
  struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) | (state << 31)
    }
  }

  static let event = RuntimeEvent.numbered(1)

  /// None with a response mode: a mutated one rightly ends the server.
  static let seeds: [String] =
    FramingTests.clients.map(\.request) + FramingTests.connections.map(\.request).filter { $0.utf8.count < 4_000 } + [
      Call.next, Call.response(event, "[1]"), Call.error(event, "{}", RuntimeAPITableTests.cause), Call.post("init/error", "{}"),
      Call.next + Call.next + Call.response(event, "1"),
    ]

  static let fragments: [String] = [
    "\r\n", "\r\n\r\n", "\n", "\r", " ", ":", "\0", "\u{7F}", "0\r\n\r\n", "ffffffffffffffff\r\n", "-1\r\n",
    "Content-Length: 18446744073709551616\r\n",
    "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n",
    "Upgrade: h2c\r\nConnection: Upgrade\r\n",
    "Expect: 100-continue\r\n", "Connection: close\r\n", "HTTP/1.1", "HTTP/0.9", "HTTP/9.9", "GET ", "CONNECT ", ": \r\n", "a:\r\n b\r\n",
  ]

  static func mutated(_ seed: String, _ random: inout Generator) -> [UInt8] {
    var bytes = Array(seed.utf8)
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let at = Int.random(in: 0...bytes.count, using: &random)
      let upTo = min(bytes.count, at + Int.random(in: 0...20, using: &random))
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes.replaceSubrange(at..<upTo, with: [])
      case 1: bytes.insert(contentsOf: fragments.randomElement(using: &random)?.utf8.map { $0 } ?? [], at: at)
      case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
      case 3: bytes.insert(contentsOf: bytes[at..<upTo], at: at)
      default: bytes = Array(bytes[..<at])
      }
    }
    return bytes
  }

  /// Sends what it is given in one or more pieces, ends its side, and reads to the end.
  static func play(_ bytes: [UInt8], in pieces: Int, to sandbox: Sandbox) async throws {
    var client = try await sandbox.client()
    let size = max(1, bytes.count / pieces)
    for start in stride(from: 0, to: bytes.count, by: size) {
      // The server may have closed already, which is an answer too.
      do { try await client.send(ByteBuffer(bytes: bytes[start..<min(start + size, bytes.count)])) } catch { break }
    }
    do { try await client.closeOutput() } catch {}  // as above
    _ = await client.rest()
    do { try await client.close() } catch {}  // as above
  }

  static func expectAnswers(_ sandbox: Sandbox) async throws {
    var client = try await sandbox.client()
    try await RuntimeAPITableTests.expectStillAnswers(&client)
  }

  @Test(arguments: 0..<8) func `mutated requests do no harm`(series: Int) async throws {
    var random = Generator(state: UInt64(series) + 1)
    for round in 0..<20 {
      try await Sandbox.serving { sandbox in
        if round % 4 != 0 { try await sandbox.deliver(Self.event) }
        if round % 4 > 1 {
          var runtime = try await sandbox.client()
          try await runtime.send(Call.next)
          #expect(try await runtime.response().status == 200)
        }
        for _ in 0..<15 {
          let seed = Self.seeds.randomElement(using: &random) ?? ""
          try await Self.play(Self.mutated(seed, &random), in: Int.random(in: 1...4, using: &random), to: sandbox)
        }
        try await Self.expectAnswers(sandbox)
      }
    }
  }

  /// Streamed responses, whole or with a mutation: the sandbox goes on or says why not.
  @Test(arguments: 0..<4) func `mutated streams are answered or end the sandbox aloud`(series: Int) async throws {
    var random = Generator(state: UInt64(series) + 99)
    let seeds = ReplayTests.clients.compactMap(\.stream).map {
      $0.replacing("{id}", with: Self.event.requestID) + StreamingTests.chunk("one") + StreamingTests.chunk("two")
        + StreamingTests.end("E", "e30=")
    }
    var ends = 0
    for _ in 0..<60 {
      let request = Self.mutated(seeds.randomElement(using: &random) ?? "", &random)
      let pieces = Int.random(in: 1...6, using: &random)
      ends += try await Sandbox.serving { sandbox in
        try await sandbox.deliver(.numbered(1, streamLimit: 5))
        var runtime = try await sandbox.client()
        try await runtime.send(Call.next)
        #expect(try await runtime.response().status == 200)
        try await Self.play(request, in: pieces, to: sandbox)
        do {
          try await Self.expectAnswers(sandbox)
          return 0
        } catch is RawClient.EndOfStream {
          while true {
            switch await sandbox.hears() {
            case .truncated, .invalidResponseMode: return 1
            case .part: continue
            case let other:
              Issue.record("\(other?.description ?? "nothing") was the last word")
              return 1
            }
          }
        }
      }
    }
    // Both happen, or the test would show nothing.
    #expect((1..<60).contains(ends))
  }

  @Test func `random bytes do no harm`() async throws {
    var random = Generator(state: 4711)
    try await Sandbox.serving { sandbox in
      for _ in 0..<300 {
        let bytes = (0..<Int.random(in: 0...2_000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        try await Self.play(bytes, in: 2, to: sandbox)
      }
      try await Self.expectAnswers(sandbox)
    }
  }

  @Test func `every prefix of a request does no harm`() async throws {
    try await Sandbox.serving { sandbox in
      try await sandbox.deliver(Self.event)
      let request = Array(FramingTests.clients[0].request.utf8)
      for length in 0..<request.count { try await Self.play(Array(request[..<length]), in: 1, to: sandbox) }
      var client = try await sandbox.client()
      try await client.send(Call.next)
      #expect(try await client.response().status == 200)
      try await client.send(Call.response(Self.event, "1"))
      #expect(try await client.response().status == 202)
      #expect(await sandbox.hears() == .response("1", contentType: nil))
    }
  }

  @Test func `bytes without end behind a waiting upgrade are not taken in`() async throws {
    try await Sandbox.serving { sandbox in
      var client = try await sandbox.client()
      try await client.send(Call.next.replacing("Host:", with: "Connection: Upgrade\r\nUpgrade: x\r\nHost:"))
      #expect(await sandbox.hears() == .ready)
      client.channel.writeAndFlush(ByteBuffer(repeating: 0, count: 64 << 20), promise: nil)
      // Each answer is a turn of the server's loop, and a turn reads up to 256 KiB: more than enough of them to read all.
      var probe = try await sandbox.client()
      for _ in 0..<600 { try await RuntimeAPITableTests.expectStillAnswers(&probe) }
      #expect(!client.channel.isWritable)
      try await sandbox.deliver(Self.event)
      #expect(try await client.response().status == 200)
      _ = await client.rest()
      try await Self.expectAnswers(sandbox)
    }
  }
}
