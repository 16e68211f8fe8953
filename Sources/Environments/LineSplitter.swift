/// Cuts a runtime's output into records: one a line, `\r` kept inside, as Lambda does.
///
/// A line longer than ``longestLine`` is cut there, so that what is buffered stays bounded.
struct LineSplitter: Sendable {
  static let longestLine = 262_144

  private var partial: [UInt8] = []

  /// Takes `bytes` and gives each complete line, without its newline, to `body`.
  mutating func append(_ bytes: [UInt8], _ body: (String) -> Void) {
    var rest = bytes[...]
    while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
      partial += rest[..<newline]
      emit(body)
      rest = rest[(newline + 1)...]
    }
    partial += rest
    while partial.count >= Self.longestLine { emitLongest(body) }
  }

  /// Gives out what has no newline yet: the invocation is over, or the writer is gone.
  mutating func flush(_ body: (String) -> Void) {
    if !partial.isEmpty { emit(body) }
  }

  private mutating func emit(_ body: (String) -> Void) {
    while partial.count > Self.longestLine { emitLongest(body) }
    body(String(decoding: partial, as: UTF8.self))
    partial.removeAll(keepingCapacity: partial.count < 4_096)
  }

  private mutating func emitLongest(_ body: (String) -> Void) {
    body(String(decoding: partial.prefix(Self.longestLine), as: UTF8.self))
    partial.removeFirst(Self.longestLine)
  }
}

/// The last bytes of an invocation's log, for `X-Amz-Log-Result`.
struct LogTail: Sendable {
  private var text: [UInt8] = []
  private let limit: Int

  init(limit: Int) {
    self.limit = limit
  }

  mutating func append(_ line: String) {
    text += line.utf8
    text.append(UInt8(ascii: "\n"))
    // Trimmed in strides, not at every line.
    if text.count > 4 * limit { text.removeFirst(text.count - limit) }
  }

  var string: String { String(decoding: text.suffix(limit), as: UTF8.self) }
}
