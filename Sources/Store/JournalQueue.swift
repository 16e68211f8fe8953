import FunctionModel

/// What waits to be written, with bounds on count and memory: a plain value, kept behind the journal's mutex.
///
/// Log lines may fill three quarters of it and no more: a function that floods its log does not cost another its invocation record. Nor does it
/// cost another its lines: an environment's may take as much room as they leave free. So n that flood come to a standstill at one part in n + 1
/// each, and one such part stays free for whoever writes little (a dynamic threshold, as switches share their buffers: Choudhury and Hahne, 1998).
struct JournalQueue {
  /// What the appending thread has to arrange.
  enum Wish: Equatable {
    /// A write is on its way already.
    case nothing
    /// A write within the batching delay.
    case writeSoon
    /// A write now: a batch is full.
    case writeNow
  }

  struct Limits: Sendable {
    var entries = 50_000
    var bytes = 64 << 20
    /// Rows in one transaction, and what makes a write urgent.
    var batch = 500
  }

  let limits: Limits
  private(set) var entries: [JournalEntry] = []
  private var bytes = 0
  /// Of environments whose lines wait or were refused since the queue was last emptied.
  private var shares: [String: JournalShare] = [:]
  private var arranged = Wish.nothing
  private(set) var isClosed = false
  /// Entries refused since they were last reported.
  private var dropped = 0

  init(limits: Limits) {
    self.limits = limits
  }

  mutating func append(_ entry: JournalEntry) -> Wish {
    guard !isClosed, admits(entry) else {
      dropped += 1
      return arrange(.writeSoon)  // so that the loss is reported
    }
    entries.append(entry)
    bytes += entry.bytes
    return arrange(entries.count >= limits.batch ? .writeNow : .writeSoon)
  }

  private mutating func admits(_ entry: JournalEntry) -> Bool {
    guard case .log(let line) = entry else { return entries.count < limits.entries && bytes + entry.bytes <= limits.bytes }
    let room = (entries: limits.entries / 4 * 3 - entries.count, bytes: limits.bytes / 4 * 3 - bytes)
    return shares[line.environmentID, default: JournalShare()].take(line, entry.bytes, of: room)
  }

  private mutating func arrange(_ wish: Wish) -> Wish {
    switch (arranged, wish) {
    case (.nothing, .writeSoon), (.nothing, .writeNow), (.writeSoon, .writeNow):
      guard !isClosed else { return .nothing }
      arranged = wish
      return wish
    case (_, .nothing), (.writeSoon, .writeSoon), (.writeNow, .writeSoon), (.writeNow, .writeNow):
      return .nothing
    }
  }

  /// Empties the queue for writing. Behind the lines of an environment that lost some stands a line that says how many.
  mutating func takeAll() -> [JournalEntry] {
    defer {
      entries.removeAll()
      bytes = 0
      shares.removeAll(keepingCapacity: shares.count < 1_000)
      arranged = .nothing
    }
    return entries + shares.values.compactMap(\.notice)
  }

  mutating func takeDropped() -> Int {
    defer { dropped = 0 }
    return dropped
  }

  /// From now on nothing is accepted. Returns whether that is news.
  mutating func close() -> Bool {
    defer { isClosed = true }
    return !isClosed
  }
}

/// What one environment's log has of the queue.
private struct JournalShare {
  private var entries = 0
  private var bytes = 0
  private var refused = 0
  private var lastRefused: LogRecord?

  /// Whether the line is let in: only while its environment has no more than is left for all.
  mutating func take(_ line: LogRecord, _ size: Int, of room: (entries: Int, bytes: Int)) -> Bool {
    guard entries < room.entries, bytes + size <= room.bytes else {
      refused += 1
      lastRefused = line
      return false
    }
    entries += 1
    bytes += size
    return true
  }

  /// What its log says of the lines that are missing.
  var notice: JournalEntry? {
    guard var line = lastRefused else { return nil }
    line.source = .platform
    line.message = "LOG_DROPPED: \(refused) lines came faster than the journal is written"
    return .log(line)
  }
}
