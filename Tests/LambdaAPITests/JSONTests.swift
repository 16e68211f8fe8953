import FoundationEssentials
import LambdaAPI
import NIOCore
import Testing

@Suite struct JSONTests {
  @Test(arguments: [
    "{}", "[]", "null", "true", "0", "-0", "1.5e+10", "\"\"", " \r\n\t{ \"a\" : [ 1 , {} , \"x\" ] } ", "\"\\u00e9\\ud83d\\ude00\\/\"",
    "[[[[]]]]", "{\"a\":1,\"a\":2}", "\"\u{7F}é€😀\"", "123456789012345678901234567890",
  ]) func `valid JSON is accepted`(_ text: String) {
    #expect(JSONScanner.fault(in: ByteBuffer(string: text)) == nil)
  }

  @Test(arguments: [
    ("", "Unexpected end-of-input at byte 1"),
    ("{", "Unexpected end-of-input at byte 2"),
    ("foo", "Unrecognized token 'foo': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false') at byte 1"),
    (
      "truex", "Unrecognized token 'truex': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false') at byte 1"
    ),
    ("{} {}", "Unexpected character ('{' (code 123)): was expecting end of input at byte 4"),
    ("{a:1}", "Unexpected character ('a' (code 97)): was expecting double-quote to start field name at byte 2"),
    ("{\"a\" 1}", "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value at byte 6"),
    ("[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries at byte 4"),
    ("[1,]", "Unexpected character (']' (code 93)): was expecting a JSON value at byte 4"),
    ("{\"a\":1,}", "Unexpected character ('}' (code 125)): was expecting double-quote to start field name at byte 8"),
    ("[1}", "Unexpected character ('}' (code 125)): was expecting comma to separate Array entries at byte 3"),
    ("01", "Invalid numeric value: Leading zeroes not allowed at byte 1"),
    ("1.", "Unexpected end-of-input: was expecting digit (0-9) after decimal point at byte 3"),
    ("-", "Unexpected end-of-input: was expecting digit (0-9) in number at byte 2"),
    ("+1", "Unexpected character ('+' (code 43)): was expecting a JSON value at byte 1"),
    ("\"a", "Unexpected end-of-input: was expecting closing quote for a string value at byte 3"),
    ("\"\n\"", "Illegal unquoted character (code 10) in string at byte 2"),
    ("\"\\x\"", "Unrecognized character escape 'x' (code 120) at byte 3"),
    ("\"\\u00g0\"", "Unexpected character ('g' (code 103)): was expecting a hex-digit for character escape sequence at byte 6"),
  ]) func `invalid JSON is refused with the place`(_ text: String, _ message: String) {
    #expect(JSONScanner.fault(in: ByteBuffer(string: text))?.description == message)
  }

  @Test(arguments: [
    [0xFF], [0xC0, 0x80], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5], [0x80], [0xE2, 0x82],
  ])
  func `what is not UTF-8 is refused`(_ bytes: [UInt8]) {
    #expect(JSONScanner.fault(in: ByteBuffer(bytes: [0x22] + bytes + [0x22])) != nil)
  }

  @Test func `nesting is limited to a thousand`() {
    func nested(_ depth: Int) -> ByteBuffer {
      ByteBuffer(string: String(repeating: "[", count: depth) + String(repeating: "]", count: depth))
    }
    #expect(JSONScanner.fault(in: nested(1_000)) == nil)
    #expect(
      JSONScanner.fault(in: nested(1_001))?.reason == "Document nesting depth (1001) exceeds the maximum allowed (1000)")
    #expect(JSONScanner.fault(in: nested(1_000_000)) != nil)
  }

  @Test func `a tree keeps order, numbers and escapes`() throws {
    let text = #"{"b":[1.50,-0,1e5],"a":"é\"\\\n\u0001😀","n":null,"t":true}"#
    #expect(try JSONValue(parsing: ByteBuffer(string: text)).text == text)
    #expect(try JSONValue(parsing: ByteBuffer(string: #""\ud83d\ude00\/\ud800""#)) == .string("😀/\u{FFFD}"))
  }

  @Test func `a tree is limited in size`() {
    let text = "[" + String(repeating: "0,", count: 200_000) + "0]"
    #expect(throws: JSONFault.self) { try JSONValue(parsing: ByteBuffer(string: text)) }
  }

  /// Random documents must survive. Of damaged ones nothing may be accepted that FoundationEssentials' decoder refuses (the other way
  /// round proves nothing: it takes `85.5-3` for a number), and nothing may trap.
  @Test func `scanner and parser withstand random bytes`() throws {
    var random = SplitMix(state: 20_260_131)
    for _ in 0..<3_000 {
      let value = JSONValue.random(&random, depth: 4)
      let text = value.text
      #expect(try JSONValue(parsing: ByteBuffer(string: text)) == value)
      var bytes = Array(text.utf8)
      for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
        let position = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[position] = Array("{}[],:\"\\0123eE+-.tfnu \n\u{1}".utf8).randomElement(using: &random) ?? 0
        case 1: bytes.remove(at: position)
        default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: position)
        }
      }
      let accepted = JSONScanner.fault(in: ByteBuffer(bytes: bytes)) == nil
      guard accepted else { continue }
      _ = try JSONValue(parsing: ByteBuffer(bytes: bytes))
      let decodable = (try? JSONDecoder().decode(Anything.self, from: Data(bytes))) != nil
      #expect(decodable || isKnownDifference(bytes), "\(String(decoding: bytes, as: UTF8.self))")
    }
  }

  /// The decoder refuses lone surrogates and numbers that no Double holds.
  private func isKnownDifference(_ bytes: [UInt8]) -> Bool {
    String(decoding: bytes, as: UTF8.self).contains("\\u") || bytes.contains(0x65) || bytes.contains(0x45)
  }

  private struct Anything: Decodable {
    init(from decoder: any Decoder) throws {
      if var list = try? decoder.unkeyedContainer() {
        while !list.isAtEnd { _ = try list.decode(Anything.self) }
      } else if let object = try? decoder.container(keyedBy: Key.self) {
        for key in object.allKeys { _ = try object.decode(Anything.self, forKey: key) }
      } else {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() { return }
        if (try? value.decode(Bool.self)) != nil || (try? value.decode(String.self)) != nil { return }
        _ = try value.decode(Double.self)
      }
    }

    struct Key: CodingKey {
      var stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }
  }
}

/// A small repeatable generator.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}

extension JSONValue {
  fileprivate static func random(_ random: inout SplitMix, depth: Int) -> JSONValue {
    func text() -> String {
      let alphabet = Array("ab\"\\\n\u{1}é€😀 /")
      return String((0..<Int.random(in: 0...6, using: &random)).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] })
    }
    switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &random) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &random))
    case 2: return .number(String(Int.random(in: -1_000...1_000, using: &random)))
    case 3: return .number("\(Int.random(in: 0...99, using: &random)).5e-3")
    case 4: return .string(text())
    case 5: return .array((0..<Int.random(in: 0...4, using: &random)).map { _ in .random(&random, depth: depth - 1) })
    default:
      var object = JSONObject()
      for _ in 0..<Int.random(in: 0...4, using: &random) { object.add(text(), .random(&random, depth: depth - 1)) }
      return .object(object)
    }
  }
}
