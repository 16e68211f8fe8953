import FunctionModel
import GRDB
import Synchronization
import Testing

@testable import Store

@Suite struct JournalQueueTests {
  private let limits = JournalQueue.Limits(entries: 8, bytes: 1 << 20, batch: 3)

  @Test func `one write is arranged per batch, and an urgent one when a batch is full`() {
    var queue = JournalQueue(limits: limits)
    let wishes = (0..<5).map { queue.append(.invocation(invocation("\($0)", accepted: 1))) }
    #expect(wishes == [.writeSoon, .nothing, .writeNow, .nothing, .nothing])
    #expect(queue.takeAll().count == 5)
    #expect(queue.append(.log(line("next"))) == .writeSoon)
  }

  @Test func `a full queue drops and counts, log lines first`() {
    var queue = JournalQueue(limits: limits)
    for number in 0..<10 { _ = queue.append(.log(line("line", environment: "e\(number)"))) }
    #expect(queue.entries.count == 6)
    for number in 0..<4 { _ = queue.append(.invocation(invocation("\(number)", accepted: 1))) }
    #expect(queue.entries.count == 8)
    #expect(queue.takeDropped() == 6)
    #expect(queue.takeDropped() == 0)
  }

  @Test func `long lines fill the queue by their bytes`() {
    var queue = JournalQueue(limits: limits)
    let long = String(repeating: "x", count: 300_000)
    for _ in 0..<4 { _ = queue.append(.log(line(long))) }
    #expect(queue.entries.count == 1)
    _ = queue.takeAll()
    _ = queue.append(.log(line(long)))
    #expect(queue.entries.count == 1)
  }

  @Test(arguments: [1, 3, 20]) func `however many flood, a line of another is taken, and each log tells of its own losses`(flooders: Int)
    throws
  {
    var queue = JournalQueue(limits: JournalQueue.Limits(entries: 10_000, bytes: 64 << 20, batch: 500))
    for number in 0..<20_000 { _ = queue.append(.log(line("flood", environment: "flooder \(number % flooders)"))) }
    for number in 0..<100 { _ = queue.append(.log(line("\(number)", environment: "honest"))) }
    let lines = logLines(of: queue.takeAll())
    #expect(lines.filter { $0.environmentID == "honest" }.map(\.message) == (0..<100).map(String.init))
    for flooder in 0..<flooders {
      let own = lines.filter { $0.environmentID == "flooder \(flooder)" }
      let kept = own.count { $0.message == "flood" }
      #expect(kept >= 7_500 / (flooders + 1))
      let notice = try #require(own.last)
      let sent = (0..<20_000).count { $0 % flooders == flooder }
      #expect(notice.message == "LOG_DROPPED: \(sent - kept) lines came faster than the journal is written")
      #expect(notice.source == .platform)
    }
    #expect(queue.takeAll().isEmpty)
  }

  private func logLines(of entries: [JournalEntry]) -> [LogRecord] {
    entries.compactMap { if case .log(let line) = $0 { line } else { nil } }
  }

  @Test func `a closed queue takes nothing and arranges nothing`() {
    var queue = JournalQueue(limits: limits)
    let answers = [queue.close(), queue.close()]
    #expect(answers == [true, false])
    #expect(queue.append(.log(line("late"))) == .nothing)
    #expect(queue.takeAll().isEmpty)
    #expect(queue.takeDropped() == 1)
  }
}

@Suite struct JournalRetentionTests {
  @Test func `rows over the number are deleted, the oldest first`() throws {
    try withRows { (database) throws in
      var pass = JournalRetentionPass(policy: JournalRetention(invocations: 10, environments: 20, logs: 30))
      _ = try pass.deleteSlice(database, now: 0)
      #expect(try bounds(of: "invocation", database) == [91, 100])
      #expect(try bounds(of: "environment", database) == [81, 100])
      #expect(try bounds(of: "log", database) == [71, 100])
    }
  }

  @Test func `rows over the age are deleted, but no environment that lives`() throws {
    try withRows { (database) throws in
      try database.execute(sql: "UPDATE environment SET ended = NULL WHERE id = 7")
      var pass = JournalRetentionPass(policy: JournalRetention(age: .seconds(60)))
      _ = try pass.deleteSlice(database, now: 60_000 + 41)
      #expect(try bounds(of: "invocation", database) == [41, 100])
      #expect(try bounds(of: "log", database) == [41, 100])
      #expect(try Int.fetchAll(database, sql: "SELECT id FROM environment LIMIT 2") == [7, 41])
    }
  }

  @Test func `what is too much for the disk goes from the longest log, the oldest first, and no further than it must`() throws {
    try withRows { (database) throws in
      let long = String(repeating: "x", count: 10_000)
      for number in 1...1_000 as ClosedRange<Int64> {
        try database.execute(sql: LogRecord.insertion, arguments: line(long, timestamp: number).arguments(functionID: 2))
      }
      let limit: Int64 = 4 << 20
      var pass = JournalRetentionPass(policy: JournalRetention(age: .seconds(1 << 40), bytes: limit))
      repeat { _ = try pass.deleteSlice(database, now: 0) } while pass.isUnfinished
      #expect(try (limit * 3 / 4...limit).contains(JournalRetentionPass.bytesInUse(database)))
      #expect(try bounds(of: "invocation", database) == [1, 100])
      #expect(try Int.fetchOne(database, sql: "SELECT count(*) FROM log WHERE functionID = 1") == 100)
      let kept = try Int64.fetchAll(database, sql: "SELECT timestamp FROM log WHERE functionID = 2")
      #expect(kept == Array((1_000 - Int64(kept.count) + 1)...1_000))
    }
  }

  @Test func `where invocations take more than log lines, the oldest of those go`() throws {
    try withRows(count: 3_000) { (database) throws in
      try database.execute(sql: "DELETE FROM log")
      var pass = JournalRetentionPass(policy: JournalRetention(age: .seconds(1 << 40), bytes: 900_000))
      repeat { _ = try pass.deleteSlice(database, now: 0) } while pass.isUnfinished
      #expect(try JournalRetentionPass.bytesInUse(database) <= 900_000)
      #expect(try bounds(of: "invocation", database)[1] == 3_000)
    }
  }

  @Test func `the length of each function's log is known, also of a journal from before it was counted`() throws {
    let database = try DatabaseQueue()
    try JournalSchema.migrator.migrate(database, upTo: "journal-2")
    try database.write { database in
      try database.execute(sql: "INSERT INTO function (account, region, name) VALUES ('1', 'r', 'f'), ('1', 'r', 'g')")
      try database.execute(sql: LogRecord.insertion, arguments: line("örder").arguments(functionID: 1))
    }
    try JournalSchema.migrator.migrate(database)
    try database.write { database in
      try database.execute(sql: LogRecord.insertion, arguments: line("12345").arguments(functionID: 2))
      #expect(try Int.fetchAll(database, sql: "SELECT logBytes FROM function ORDER BY id") == [166, 165])
      try database.execute(sql: "DELETE FROM log WHERE functionID = 1")
      #expect(try Int.fetchAll(database, sql: "SELECT logBytes FROM function ORDER BY id") == [0, 165])
    }
  }

  @Test func `a journal that is flooded stays near its bound on disk`() async throws {
    try await withTemporaryFolder { folder in
      let journal = try Journal(path: folder + "/journal.sqlite", retention: JournalRetention(bytes: 4 << 20))
      let long = String(repeating: "x", count: 100_000)
      for _ in 0..<20 {
        for _ in 0..<10 { journal.append(line(long, timestamp: present() * 1000)) }
        await journal.flush()
        journal.writer.withLock {
          $0.retain(in: journal.pool)
          $0.checkpoint(journal.pool)
        }
      }
      let pages = try await journal.pool.read { try Int64.fetchOne($0, sql: "PRAGMA page_count") ?? 0 }
      #expect(pages * 4096 < 6 << 20)
      await journal.close()
    }
  }

  @Test func `one slice is bounded and says that there is more`() throws {
    try withRows(count: 3_000) { (database) throws in
      var pass = JournalRetentionPass(policy: JournalRetention(invocations: 1, environments: 3_000, logs: 3_000))
      _ = try pass.deleteSlice(database, now: 0)
      #expect(try bounds(of: "invocation", database) == [2_001, 3_000])
      #expect(pass.isUnfinished)
      _ = try pass.deleteSlice(database, now: 0)
      #expect(try bounds(of: "invocation", database) == [3_000, 3_000])
      _ = try pass.deleteSlice(database, now: 0)
      #expect(!pass.isUnfinished)
    }
  }

  @Test func `a function without rows is forgotten, and known again when it comes back`() async throws {
    try await withTemporaryFolder { folder in
      let policy = JournalRetention(age: .seconds(60))
      let journal = try Journal(path: folder + "/journal.sqlite", retention: policy)
      journal.append(invocation("old", function: "gone", accepted: 1))
      journal.append(invocation("new", function: "kept", accepted: present()))
      await journal.flush()
      journal.writer.withLock { $0.retain(in: journal.pool) }
      let names = try await journal.pool.read { try String.fetchAll($0, sql: "SELECT name FROM function") }
      #expect(names == ["kept"])
      journal.append(invocation("again", function: "gone", accepted: present()))
      #expect(try await journal.invocation(requestID: "again")?.function == functionID("gone"))
      #expect(try await journal.invocation(requestID: "old") == nil)
      await journal.close()
    }
  }

  @Test func `retention overtakes what is written, however much`() async throws {
    try await withTemporaryFolder { folder in
      let journal = try Journal(path: folder + "/journal.sqlite", retention: JournalRetention(logs: 100))
      for number in 0..<9_000 { journal.append(line("\(number)", timestamp: present() * 1000)) }
      await journal.flush()
      journal.writer.withLock { $0.retain(in: journal.pool) }
      #expect(try await journal.pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM log") } == 100)
      await journal.close()
    }
  }

  @Test func `cursors keep their meaning when retention has emptied the log`() async throws {
    try await withTemporaryFolder { folder in
      // By age: whichever pass comes first, the test's or the journal's own, takes the old lines and never the new one.
      let journal = try Journal(path: folder + "/journal.sqlite", retention: JournalRetention(age: .seconds(86_400)))
      for number in 0..<5 { journal.append(line("\(number)")) }
      let page = try await journal.logs(function: functionID("f"), after: nil, limit: 9)
      journal.writer.withLock { $0.retain(in: journal.pool) }
      #expect(try await journal.logs(function: functionID("f"), after: nil, limit: 9).records.isEmpty)
      let after = line("after", timestamp: present() * 1000)
      journal.append(after)
      #expect(try await journal.logs(function: functionID("f"), after: page.cursor, limit: 9).records == [after])
      await journal.close()
    }
  }

  /// `count` rows in each table, the n-th of time n.
  private func withRows(count: Int = 100, _ body: (Database) throws -> Void) throws {
    let database = try DatabaseQueue()
    try JournalSchema.migrator.migrate(database)
    try database.write { database in
      try database.execute(sql: "INSERT INTO function (account, region, name) VALUES ('1', 'r', 'f'), ('1', 'r', 'g')")
      for number in 1...Int64(count) {
        try database.execute(
          sql: InvocationRecord.insertion, arguments: invocation("r", accepted: number).arguments(functionID: 1))
        try database.execute(
          sql: EnvironmentRecord.insertion,
          arguments: environment("e\(number)", started: number, ended: number).arguments(functionID: 1))
        try database.execute(sql: LogRecord.insertion, arguments: line("l", timestamp: number * 1000).arguments(functionID: 1))
      }
      try body(database)
    }
  }

  private func bounds(of table: String, _ database: Database) throws -> [Int?] {
    [
      try Int.fetchOne(database, sql: "SELECT min(id) FROM \(table)"), try Int.fetchOne(database, sql: "SELECT max(id) FROM \(table)"),
    ]
  }
}
