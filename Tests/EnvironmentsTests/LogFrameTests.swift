import FunctionModel
import Testing

@testable import Environments

/// The log channel's frames: as clients write them, in any pieces, and as nobody should.
@Suite struct LogFrameTests {
  static func frame(_ type: UInt32, _ message: String, time: UInt64? = 1_700_000_000_000_001) -> [UInt8] {
    var bytes = [UInt8]()
    withUnsafeBytes(of: type.bigEndian) { bytes += $0 }
    withUnsafeBytes(of: UInt32(message.utf8.count).bigEndian) { bytes += $0 }
    if let time { withUnsafeBytes(of: time.bigEndian) { bytes += $0 } }
    return bytes + message.utf8
  }

  private func parsed(_ bytes: [UInt8], in pieces: Int = .max, _ parser: inout LogFrameParser) -> [LogFrame] {
    var frames: [LogFrame] = []
    for start in stride(from: 0, to: bytes.count, by: min(pieces, max(1, bytes.count))) {
      parser.append(Array(bytes[start..<min(bytes.count, start + min(pieces, bytes.count))])) { frames.append($0) }
    }
    return frames
  }

  @Test(
    arguments: [
      (0xA55A_0003, false, nil), (0xA55A_0002, true, nil), (0xA55A_0007, false, .trace), (0xA55A_000B, false, .debug),
      (0xA55A_000F, false, .info), (0xA55A_0013, false, .warn), (0xA55A_0017, false, .error), (0xA55A_001B, false, .fatal),
      (0xA55A_000A, true, .debug), (0xA55A_001A, true, .fatal),
    ] as [(UInt32, Bool, LogLevel?)])
  func `a type tells format and level`(_ type: UInt32, _ isJSON: Bool, _ level: LogLevel?) {
    var parser = LogFrameParser()
    let expected = LogFrame(isJSON: isJSON, level: level, time: 1_700_000_000_000_001, message: "text")
    #expect(parsed(Self.frame(type, "text\n"), &parser) == [expected])
    #expect(!parser.isGarbled)
  }

  @Test func `a frame of the old kind has no time`() {
    var parser = LogFrameParser()
    let bytes = Self.frame(0xA55A_0001, "old", time: nil) + Self.frame(0xA55A_0003, "new")
    #expect(parsed(bytes, &parser).map(\.time) == [nil, 1_700_000_000_000_001])
  }

  @Test(arguments: [1, 2, 3, 7, 16, 17, 1_000]) func `pieces do not matter, and a message keeps its lines`(_ pieces: Int) {
    var parser = LogFrameParser()
    let messages = ["[ERROR] KeyError\nTraceback:\n  line 1\n", "", "\n", "ü€😀", String(repeating: "x", count: 500)]
    let bytes = messages.flatMap { Self.frame(0xA55A_0017, $0) }
    let expected = ["[ERROR] KeyError\nTraceback:\n  line 1", "", "", "ü€😀", String(repeating: "x", count: 500)]
    #expect(parsed(bytes, in: pieces, &parser).map(\.message) == expected)
  }

  @Test func `a message longer than a line may be becomes several, and what is kept of it stays bounded`() {
    var parser = LogFrameParser()
    let long = String(repeating: "a", count: 2 * LogFrameParser.longestMessage + 3)
    let frames = parsed(Self.frame(0xA55A_0003, long) + Self.frame(0xA55A_0003, "next"), in: 4_096, &parser)
    #expect(frames.map(\.message.utf8.count) == [LogFrameParser.longestMessage, LogFrameParser.longestMessage, 3, 4])
  }

  @Test func `a length that no message has keeps nothing but what came`() {
    var parser = LogFrameParser()
    var bytes = Self.frame(0xA55A_0003, "begun")
    bytes.replaceSubrange(4..<8, with: [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(parsed(bytes, &parser).isEmpty)
    var rest: [LogFrame] = []
    parser.flush { rest.append($0) }
    #expect(rest.map(\.message) == ["begun"])
    #expect(parsed(Self.frame(0xA55A_0003, "anew"), &parser).map(\.message) == ["anew"])
  }

  @Test(arguments: [0, 1, 0xA55A_0000, 0xA55A_0004, 0xA55A_001F, 0xA55A_0023, 0xA55B_0003, 0x5B45_5252] as [UInt32])
  func `what is no frame ends the reading, not what came before`(_ type: UInt32) {
    var parser = LogFrameParser()
    let bytes = Self.frame(0xA55A_0003, "good") + Self.frame(type, "bad") + Self.frame(0xA55A_0003, "lost")
    #expect(parsed(bytes, in: 5, &parser).map(\.message) == ["good"])
    #expect(parser.isGarbled)
  }

  /// 20,000 mutations of a good stream, by a generator with a fixed seed.
  @Test func `whatever comes, as much goes out as came in at most`() {
    var state: UInt64 = 42
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let good = (0..<4).flatMap {
      Self.frame([0xA55A_0003, 0xA55A_0016, 0xA55A_0001][$0 % 3], "message \($0)\n", time: $0 % 3 == 2 ? nil : 1)
    }
    for _ in 0..<20_000 {
      var bytes = good
      for _ in 0...random(3) { bytes[random(bytes.count)] = UInt8(random(256)) }
      bytes.removeLast(random(bytes.count))
      var parser = LogFrameParser()
      var frames = parsed(bytes, in: 1 + random(40), &parser)
      parser.flush { frames.append($0) }
      // A byte that is no UTF-8 becomes three.
      #expect(frames.reduce(0) { $0 + $1.message.utf8.count } <= 3 * bytes.count)
    }
  }
}
