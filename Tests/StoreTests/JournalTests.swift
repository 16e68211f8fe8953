import Dispatch
import FunctionModel
import GRDB
import InMemoryLogging
import Logging
import Testing

@testable import Store

@Suite struct JournalTests {
  @Test func `records are read back as they were appended`() async throws {
    try await withJournal { (journal) async throws in
      let records = (invocation("r", accepted: 5), environment("e", started: 4), line("örtlich\n"))
      journal.append(records.0)
      journal.append(records.1)
      journal.append(records.2)
      #expect(try await journal.invocation(requestID: "r") == records.0)
      #expect(try await journal.environment(id: "e") == records.1)
      #expect(try await journal.logs(function: functionID("f"), after: nil, limit: 9).records == [records.2])
      #expect(try await journal.invocation(requestID: "unknown") == nil)
      #expect(try await journal.environment(id: "unknown") == nil)
    }
  }

  @Test(arguments: InvocationOutcome.allCases)
  func `every outcome is kept`(_ outcome: InvocationOutcome) async throws {
    try await withJournal { (journal) async throws in
      var record = invocation("r", accepted: 5, environment: nil)
      (record.outcome, record.errorType, record.coldStart, record.type) = (outcome, nil, false, .event)
      journal.append(record)
      #expect(try await journal.invocation(requestID: "r") == record)
    }
  }

  @Test func `invocations come newest first and page by page`() async throws {
    try await withJournal { (journal) async throws in
      for time in [3, 1, 5, 2, 4] {
        journal.append(invocation("r\(time)", accepted: Int64(time)))
        journal.append(invocation("other\(time)", function: "g", accepted: Int64(time)))
      }
      let first = try await journal.invocations(function: functionID("f"), limit: 2, before: nil)
      #expect(first.map(\.requestID) == ["r5", "r4"])
      let second = try await journal.invocations(function: functionID("f"), limit: 2, before: first.last?.accepted)
      #expect(second.map(\.requestID) == ["r3", "r2"])
      let third = try await journal.invocations(function: functionID("f"), limit: 2, before: second.last?.accepted)
      #expect(third.map(\.requestID) == ["r1"])
      #expect(try await journal.invocations(function: nil, limit: 100, before: nil).count == 10)
      #expect(try await journal.invocations(function: functionID("h"), limit: 100, before: nil).isEmpty)
      #expect(try await journal.invocations(environment: "e", limit: 3).map(\.requestID) == ["other4", "r4", "other2"])
    }
  }

  @Test func `a NUL does not cut a log line short`() async throws {
    try await withJournal { (journal) async throws in
      journal.append(line("before\0after"))
      #expect(try await journal.logs(function: functionID("f"), after: nil, limit: 9).records == [line("before\u{2400}after")])
    }
  }

  @Test func `of a repeated request id the last attempt is found`() async throws {
    try await withJournal { (journal) async throws in
      journal.append(invocation("r", accepted: 1))
      journal.append(invocation("r", accepted: 2))
      #expect(try await journal.invocation(requestID: "r")?.accepted == 2)
    }
  }

  @Test func `an environment is one row, brought up to date`() async throws {
    try await withJournal { (journal) async throws in
      journal.append(environment("e", started: 1))
      var ended = environment("e", started: 1, ended: 9)
      (ended.initialization, ended.invocations) = (77, 12)
      journal.append(ended)
      journal.append(environment("late", started: 2))
      #expect(try await journal.environment(id: "e") == ended)
      #expect(try await journal.environments(function: functionID("f"), limit: 9).map(\.id) == ["late", "e"])
      #expect(try await journal.environments(function: nil, limit: 1).map(\.id) == ["late"])
    }
  }

  @Test func `a restart ends the environments that a crash left open, and no others`() async throws {
    try await withTemporaryFolder { folder in
      let first = try Journal(path: folder + "/journal.sqlite", retention: .forever)
      first.append(environment("open", started: 1))
      first.append(environment("over", started: 1, ended: 2))
      await first.close()
      let second = try Journal(path: folder + "/journal.sqlite", retention: .forever)
      let start = present()
      try await second.closeInterruptedEnvironments()
      let open = try #require(try await second.environment(id: "open"))
      #expect(open.endReason == "interrupted")
      #expect(try #require(open.ended) >= start)
      #expect(try await second.environment(id: "over") == environment("over", started: 1, ended: 2))
      await second.close()
    }
  }

  @Test func `a log is followed by its cursor without gap or repetition`() async throws {
    try await withJournal { (journal) async throws in
      for number in 1...5 {
        journal.append(line("\(number)"))
        journal.append(line("other \(number)", function: "g"))
      }
      let last = try await journal.logs(function: functionID("f"), after: nil, limit: 2)
      #expect(last.records.map(\.message) == ["4", "5"])
      let nothing = try await journal.logs(function: functionID("f"), after: last.cursor, limit: 2)
      #expect(nothing == LogPage(records: [], cursor: last.cursor))
      for number in 6...8 { journal.append(line("\(number)")) }
      let more = try await journal.logs(function: functionID("f"), after: nothing.cursor, limit: 2)
      #expect(more.records.map(\.message) == ["6", "7"])
      let rest = try await journal.logs(function: functionID("f"), after: more.cursor, limit: 2)
      #expect(rest.records.map(\.message) == ["8"])
      #expect(try await journal.logs(function: functionID("f"), after: 0, limit: 100).records.count == 8)
    }
  }

  @Test func `a log that has nothing yet can be followed from the start`() async throws {
    try await withJournal { (journal) async throws in
      let nothing = try await journal.logs(function: functionID("f"), after: nil, limit: 9)
      #expect(nothing == LogPage(records: [], cursor: 0))
      journal.append(line("first"))
      #expect(try await journal.logs(function: functionID("f"), after: nothing.cursor, limit: 9).records == [line("first")])
    }
  }

  @Test func `what is flushed is there for another process`() async throws {
    try await withTemporaryFolder { folder in
      let journal = try Journal(path: folder + "/journal.sqlite", retention: .forever)
      for number in 0..<1_234 { journal.append(invocation("r\(number)", accepted: Int64(number))) }
      await journal.flush()
      let other = try DatabaseQueue(path: folder + "/journal.sqlite")
      #expect(try await other.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM invocation") } == 1_234)
      await journal.close()
    }
  }

  @Test(.timeLimit(.minutes(1))) func `an entry is written without being asked for`() async throws {
    try await withTemporaryFolder { folder in
      let journal = try Journal(path: folder + "/journal.sqlite", retention: .forever)
      let written = AsyncStream<Void>.makeStream()
      let observer = CommitObserver { written.continuation.yield() }
      journal.pool.add(transactionObserver: observer, extent: .databaseLifetime)
      journal.append(invocation("r", accepted: 1))
      for await _ in written.stream { break }
      let other = try DatabaseQueue(path: folder + "/journal.sqlite")
      #expect(try await other.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM invocation") } == 1)
      await journal.close()
    }
  }

  @Test func `a closed journal drops what comes, and can be closed again`() async throws {
    try await withTemporaryFolder { folder in
      let journal = try Journal(path: folder + "/journal.sqlite", retention: .forever)
      journal.append(invocation("before", accepted: 1))
      await journal.close()
      journal.append(invocation("after", accepted: 2))
      await journal.close()
      await #expect(throws: StoreError.self) { try await journal.invocation(requestID: "before") }
      let again = try Journal(path: folder + "/journal.sqlite", retention: .forever)
      #expect(try await again.invocations(function: nil, limit: 9, before: nil).map(\.requestID) == ["before"])
      await again.close()
    }
  }

  @Test func `entries that found the queue full are reported with their number`() async throws {
    try await withTemporaryFolder { folder in
      let log = InMemoryLogHandler()
      let journal = try Journal(
        path: folder + "/journal.sqlite", retention: .forever, logger: Logger(label: "test") { _ in log },
        limits: JournalQueue.Limits(entries: 8, bytes: 1 << 20, batch: 100))
      for number in 0..<8 { journal.append(invocation("r\(number)", accepted: 1)) }
      await journal.flush()
      journal.queue.sync {
        for number in 8..<20 { journal.append(invocation("r\(number)", accepted: 1)) }
      }
      #expect(try await journal.invocations(function: nil, limit: 100, before: nil).count == 16)
      await journal.close()
      #expect(log.entries.map(\.message.description) == ["journal queue was full: 4 entries dropped"])
    }
  }

  @Test func `an unwritable journal loses batches, counts them and says why`() async throws {
    try await withTemporaryFolder { folder in
      let log = InMemoryLogHandler()
      let journal = try Journal(
        path: folder + "/journal.sqlite", retention: .forever, logger: Logger(label: "test") { _ in log })
      try await journal.pool.write { try $0.execute(sql: "DROP TABLE invocation") }
      for number in 0..<3 { journal.append(invocation("r\(number)", accepted: 1)) }
      await journal.close()
      let message = try #require(log.entries.first?.message.description)
      #expect(message.contains("write batch on \(folder)/journal.sqlite: SQLite 1 (no such table: invocation)"))
      #expect(message.contains("3 entries lost"))
    }
  }

  @Test func `a journal that cannot be written says so once, and once more when it can`() async throws {
    try await withTemporaryFolder { folder in
      let log = InMemoryLogHandler()
      let journal = try Journal(
        path: folder + "/journal.sqlite", retention: .forever, logger: Logger(label: "test") { _ in log })
      try await journal.pool.write { try $0.execute(sql: "ALTER TABLE invocation RENAME TO away") }
      for number in 0..<3 {
        journal.append(invocation("lost\(number)", accepted: 1))
        await journal.flush()
        journal.queue.sync { journal.reportLosses() }
      }
      #expect(log.entries.count == 1)
      #expect(log.entries[0].message.description.contains("nothing is recorded until this is mended, 1 entries lost so far"))
      try await journal.pool.write { try $0.execute(sql: "ALTER TABLE away RENAME TO invocation") }
      for number in 0..<3 {
        journal.append(invocation("kept\(number)", accepted: 1))
        await journal.flush()
        journal.queue.sync { journal.reportLosses() }
      }
      #expect(log.entries.map(\.message.description).dropFirst() == ["\(folder)/journal.sqlite is written again; 3 entries were lost"])
      #expect(try await journal.invocations(function: nil, limit: 9, before: nil).count == 3)
      await journal.close()
    }
  }

  @Test func `rows of a journal that recorded no stalls are read without`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/journal.sqlite"
      let old = try DatabaseQueue(path: path)
      try JournalSchema.migrator.migrate(old, upTo: "journal-1")
      try await old.write { database in
        try database.execute(
          sql: """
            INSERT INTO function (id, account, region, name) VALUES (1, '000000000000', 'us-east-1', 'f');
            INSERT INTO invocation VALUES (1, 1, 'old', '$LATEST', 'e', 'RequestResponse', 'success', NULL, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
            """)
      }
      try old.close()
      let journal = try Journal(path: path, retention: .forever)
      let found = try #require(try await journal.invocation(requestID: "old"))
      #expect(found.stalls == nil && found.responseBytes == 12)
      await journal.close()
    }
  }

  private func withJournal(_ body: (Journal) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      let journal = try Journal(path: folder + "/journal.sqlite", retention: .forever)
      try await body(journal)
      await journal.close()
    }
  }
}

/// Tells of commits, on the database's own queue.
final class CommitObserver: TransactionObserver, Sendable {
  private let committed: @Sendable () -> Void

  init(_ committed: @escaping @Sendable () -> Void) { self.committed = committed }

  func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { true }
  func databaseDidChange(with event: DatabaseEvent) {}
  func databaseDidCommit(_ db: Database) { committed() }
  func databaseDidRollback(_ db: Database) {}
}
