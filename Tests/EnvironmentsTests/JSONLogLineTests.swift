import FoundationEssentials
import FunctionModel
import Testing

@testable import Environments

/// Which lines count as JSON, and as what.
@Suite struct JSONLogLineTests {
  private static let time = #""timestamp":"2026-01-31T23:59:59.123Z""#

  @Test(
    arguments: [
      (#"{"level":"debug",\#(time)}"#, .debug), (#"  { "level" : "WARN" , \#(time) } "#, .warn),
      (#"{\#(time),"a":{"level":"ERROR"},"level":"critical"}"#, .fatal),
      (#"{"level":"warning","time":"2026-01-31T23:59:59+01:00"}"#, .warn),
      // Lambda takes these for INFO: no level, none that there is, no valid time.
      (#"{\#(time)}"#, nil), (#"{"level":"loud",\#(time)}"#, nil), (#"{"level":30,\#(time)}"#, nil), (#"{"level":"ERROR"}"#, nil),
      (#"{"level":"ERROR","timestamp":"yesterday"}"#, nil), (#"{"level":"ERROR","timestamp":"2026-01-31T23:59:59"}"#, nil),
      (#"{"level":"ERROR","timestamp":"2026-01-31T23:59:59.Z"}"#, nil),
    ] as [(String, LogLevel?)])
  func `an object has the level that it says, if it says when`(_ line: String, _ level: LogLevel?) throws {
    #expect(try #require(JSONLogLine(line)).level == level)
  }

  @Test(arguments: [
    "", "text", "[1]", "1", "null", "{", "{}{}", "{},", #"{"a":1,}"#, #"{"a"}"#, #"{"a":}"#, #"{a:1}"#, #"{"a":01}"#, #"{"a":1.}"#,
    #"{"a":+1}"#,
    #"{"a":"\x"}"#, #"{"a":"\u12g4"}"#, #"{"a":"\u12"}"#, "{\"a\":\"\u{1}\"}", #"{"a":tru}"#, #"{"a":[1 2]}"#, #"{"a":-}"#, #"{"a":1e}"#,
    "{\"a\":" + String(repeating: "[", count: 100) + String(repeating: "]", count: 100) + "}",
  ])
  func `anything else is text`(_ line: String) {
    #expect(JSONLogLine(line) == nil)
  }

  /// Text is put into records unquoted if it passes here: what passes must be JSON to others too.
  @Test func `what passes is JSON`() throws {
    struct Anything: Decodable { init(from decoder: any Decoder) throws { _ = try decoder.container(keyedBy: Key.self) } }
    struct Key: CodingKey {
      var stringValue: String
      var intValue: Int? { nil }
      init?(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }
    var state: UInt64 = 7
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let good = Array(#"{"a":[1,-2.5e+3,{"b":"\u00e9\n"},null,true,false],"level":"INFO",\#(Self.time)}"#.utf8)
    let bytes = Array(#"{}[]":,\ue+-.019tfn "#.utf8)
    var passed = 0
    for _ in 0..<20_000 {
      var line = good
      for _ in 0...random(2) { line[random(line.count)] = bytes[random(bytes.count)] }
      guard JSONLogLine(String(decoding: line, as: UTF8.self)) != nil else { continue }
      passed += 1
      #expect(throws: Never.self, "\(String(decoding: line, as: UTF8.self))") { try JSONDecoder().decode(Anything.self, from: Data(line)) }
    }
    #expect(passed > 100)
  }
}
