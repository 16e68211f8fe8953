import FunctionModel

// The log channel, `_LAMBDA_TELEMETRY_LOG_FD`: what a runtime's client writes there keeps its line ends, its time and its level.
//
// A stream of frames, integers big-endian:
//
//   u32 type      0xA55A0000 and: bit 0 text (else JSON), bit 1 a time follows the length, bits 2 to 4 the level (0 none, 1 TRACE … 6 FATAL)
//   u32 length    of the message, in bytes
//   u64 time      microseconds since 1970, if bit 1 is set
//   message
//
// The writers are tenants. What is buffered of a message is bounded: one that is longer than a line may be becomes several records. A type that is
// none of these means that the stream cannot be followed any more.

/// One record of the log channel.
struct LogFrame: Sendable, Hashable {
  var isJSON: Bool
  var level: LogLevel?
  /// Microseconds since 1970, as the function says.
  var time: Int64?
  /// Without the line end that clients put after it.
  var message: String
}

/// Cuts the bytes of a log channel into frames.
struct LogFrameParser: Sendable {
  static let longestMessage = LineSplitter.longestLine

  private struct Head {
    var isJSON: Bool
    var level: LogLevel?
    var time: Int64?
    /// Bytes of the message that have not come yet.
    var missing: Int
  }

  /// The beginning of a head.
  private var headBytes: [UInt8] = []
  /// Whose message is being read.
  private var head: Head?
  private var message: [UInt8] = []
  /// There was something that is no frame; what follows cannot be read.
  private(set) var isGarbled = false

  /// Takes `bytes` and gives each complete frame to `body`.
  mutating func append(_ bytes: [UInt8], _ body: (LogFrame) -> Void) {
    var rest = bytes[...]
    while !isGarbled {
      if head == nil, !readHead(from: &rest) { return }
      guard readMessage(from: &rest, body) else { return }
    }
  }

  /// Gives out what has come of a message: its writer is gone.
  mutating func flush(_ body: (LogFrame) -> Void) {
    if let head, !message.isEmpty { emit(head, body) }
    self = LogFrameParser()
  }

  /// - Returns: whether there is one.
  private mutating func readHead(from rest: inout ArraySlice<UInt8>) -> Bool {
    while let byte = rest.popFirst() {
      headBytes.append(byte)
      if headBytes.count == 4, !Self.isType(number(0..<4)) {
        isGarbled = true
        return false
      }
      guard headBytes.count >= 8 else { continue }
      let type = number(0..<4)
      let hasTime = type & 2 != 0
      guard headBytes.count == (hasTime ? 16 : 8) else { continue }
      head = Head(
        isJSON: type & 1 == 0, level: LogLevel.allCases.first { $0.rank == Int(type >> 2 & 7) },
        time: hasTime ? Int64(clamping: number(8..<16)) : nil, missing: Int(number(4..<8)))
      headBytes.removeAll(keepingCapacity: true)
      return true
    }
    return false
  }

  private static func isType(_ type: UInt64) -> Bool {
    // Text without a time is what older clients send; JSON without one there has never been.
    type & ~0x1F == 0xA55A_0000 && type & 3 != 0 && type >> 2 & 7 <= 6
  }

  private func number(_ range: Range<Int>) -> UInt64 { headBytes[range].reduce(0) { $0 << 8 | UInt64($1) } }

  /// - Returns: whether the message is complete.
  private mutating func readMessage(from rest: inout ArraySlice<UInt8>, _ body: (LogFrame) -> Void) -> Bool {
    guard var current = head else { return false }
    while current.missing > 0, !rest.isEmpty {
      let taken = rest.prefix(min(current.missing, Self.longestMessage - message.count))
      message += taken
      rest = rest.dropFirst(taken.count)
      current.missing -= taken.count
      if message.count == Self.longestMessage, current.missing > 0 { emit(current, body) }
    }
    head = current
    guard current.missing == 0 else { return false }
    emit(current, body)
    head = nil
    return true
  }

  private mutating func emit(_ head: Head, _ body: (LogFrame) -> Void) {
    if message.last == UInt8(ascii: "\n") { message.removeLast() }
    body(LogFrame(isJSON: head.isJSON, level: head.level, time: head.time, message: String(decoding: message, as: UTF8.self)))
    message.removeAll(keepingCapacity: message.count < 4_096)
  }
}
