/// What waits to be written, with bounds on count and memory: a plain value, kept behind the journal's mutex.
///
/// Log lines may fill three quarters of it and no more: a function that floods its log does not cost another its invocation record.
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
  private var arranged = Wish.nothing
  private(set) var isClosed = false
  /// Entries refused since they were last reported.
  private var dropped = 0

  init(limits: Limits) {
    self.limits = limits
  }

  mutating func append(_ entry: JournalEntry) -> Wish {
    let share = entry.isLog ? 3 : 4
    guard !isClosed, entries.count < limits.entries / 4 * share, bytes + entry.bytes <= limits.bytes / 4 * share else {
      dropped += 1
      return arrange(.writeSoon)  // so that the loss is reported
    }
    entries.append(entry)
    bytes += entry.bytes
    return arrange(entries.count >= limits.batch ? .writeNow : .writeSoon)
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

  /// Empties the queue for writing.
  mutating func takeAll() -> [JournalEntry] {
    defer {
      entries.removeAll()
      bytes = 0
      arranged = .nothing
    }
    return entries
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
