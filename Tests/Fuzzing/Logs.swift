import FunctionModel
import NIOCore

@testable import Environments
@testable import LambdaAPI

/// A runtime's log channel, in pieces of a size that the input chooses. No more comes out than went in, and the pieces do not matter.
enum LogFramesTarget: FuzzTarget {
  static let name = "log-frames"
  static let seeds: [[UInt8]] = [
    frame(0xA55A_0003, "text\n"), frame(0xA55A_0016, #"{"a":1}"#) + frame(0xA55A_0017, "two\nlines\n"),
    frame(0xA55A_0001, "old", hasTime: false),
    frame(0xA55A_0003, "") + [0xA5, 0x5A],
  ].map { [7] + $0 }
  static let words = ["\u{0}\u{3}", "\u{0}\u{2}"]

  private static func frame(_ type: UInt32, _ message: String, hasTime: Bool = true) -> [UInt8] {
    var bytes = [UInt8]()
    for shift: UInt32 in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: type >> shift)) }
    return bytes + [0, 0, 0, UInt8(message.utf8.count)] + (hasTime ? [0, 6, 10, 24, 24, 167, 192, 1] : []) + Array(message.utf8)
  }

  static func run(_ bytes: [UInt8]) {
    let (size, stream) = (Int(bytes.first ?? 0) + 1, Array(bytes.dropFirst()))
    let whole = parsed(stream, in: max(1, stream.count))
    must(whole == parsed(stream, in: size), "pieces matter")
    // A byte that is no UTF-8 becomes three.
    must(whole.reduce(0) { $0 + $1.message.utf8.count } <= 3 * stream.count, "more than came")
  }

  private static func parsed(_ bytes: [UInt8], in size: Int) -> [LogFrame] {
    var parser = LogFrameParser()
    var frames: [LogFrame] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      parser.append(Array(bytes[start..<min(bytes.count, start + size)])) { frames.append($0) }
    }
    parser.flush { frames.append($0) }
    return frames
  }
}

/// Lines of a function's output. One that counts as JSON goes into records as it is, and so must be JSON to the API's scanner.
enum LogLineTarget: FuzzTarget {
  static let name = "log-line"
  static let seeds = [
    #"{"level":"INFO","timestamp":"2026-01-31T23:59:59.5+01:00","a":[1,-2.5e+3,{"b":"\u00e4\n"},true,null]}"#, " {} ", "text",
  ].map { Array($0.utf8) }
  static let words = [#""level":"#, #""timestamp":"#, "true", "false", "null", #"\u"#, "e+", "-0", "[", "{", "é"]

  static func run(_ bytes: [UInt8]) {
    let line = String(decoding: bytes, as: UTF8.self)
    if JSONLogLine(line) != nil { must(JSONScanner.fault(in: ByteBuffer(string: line)) == nil, "what passed is no JSON") }
  }
}
