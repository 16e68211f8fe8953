import FunctionModel
import GRDB

/// The writing half of the journal: batches in, old rows out. Used from the journal's queue alone; its mutex is never contended.
struct JournalWriter {
  /// What went wrong: the first error and all that was lost since.
  struct Failure {
    var operation: String
    var error: any Error
    var lost: Int
    var isReported = false
  }

  /// What the administrator should hear: of a disk that is full for an hour twice, not every second.
  enum News {
    case nothing
    case beganToFail(Failure)
    case recovered(lost: Int)
  }

  private var retention: JournalRetentionPass
  private var functionIDs: [FunctionID: Int64] = [:]
  /// Until a batch is written again.
  private var failure: Failure?
  private var recoveredLosses: Int?
  /// Rows written since the last maintenance.
  private var written = 0
  private var maintenanceIsArranged = false

  init(retention: JournalRetention) {
    self.retention = JournalRetentionPass(policy: retention)
  }

  /// One transaction. A batch that fails is lost, counted, and not tried again: a full disk must not fill the memory as well.
  mutating func write(_ entries: ArraySlice<JournalEntry>, to pool: DatabasePool) {
    do {
      try pool.write { database in
        for entry in entries { try insert(entry, into: database) }
      }
      written += entries.count
      recover()
    } catch {
      functionIDs.removeAll()  // some may have been rolled back
      note(error, during: "write batch", lost: entries.count)
    }
  }

  private mutating func insert(_ entry: JournalEntry, into database: Database) throws {
    switch entry {
    case .invocation(let record):
      let id = try functionID(record.function, in: database)
      try database.cachedStatement(sql: InvocationRecord.insertion).execute(arguments: record.arguments(functionID: id))
    case .environment(let record):
      let id = try functionID(record.function, in: database)
      try database.cachedStatement(sql: EnvironmentRecord.insertion).execute(arguments: record.arguments(functionID: id))
    case .log(let record):
      let id = try functionID(record.function, in: database)
      try database.cachedStatement(sql: LogRecord.insertion).execute(arguments: record.arguments(functionID: id))
    }
  }

  private mutating func functionID(_ function: FunctionID, in database: Database) throws -> Int64 {
    if let known = functionIDs[function] { return known }
    let columns: StatementArguments = [function.owner.account, function.owner.region, function.name]
    try database.cachedStatement(sql: "INSERT OR IGNORE INTO function (account, region, name) VALUES (?, ?, ?)")
      .execute(arguments: columns)
    let statement = try database.cachedStatement(sql: "SELECT id FROM function WHERE account = ? AND region = ? AND name = ?")
    guard let id = try Int64.fetchOne(statement, arguments: columns) else { preconditionFailure("the row was just inserted") }
    functionIDs[function] = id
    return id
  }

  /// True once when there is something to maintain and nothing arranged yet; the caller then arranges it.
  mutating func wantsMaintenance() -> Bool {
    guard !maintenanceIsArranged, written > 0 || retention.isUnfinished || hasNews else { return false }
    maintenanceIsArranged = true
    return true
  }

  /// Deletes what is too old or too much, a slice a transaction: as many slices as it takes to overtake what was written.
  mutating func retain(in pool: DatabasePool) {
    do {
      for _ in 0...(8 + 2 * written / Int(JournalRetentionPass.slice)) {
        let goneFunctions = try pool.write { try retention.deleteSlice($0, now: currentMilliseconds()) }
        if goneFunctions { functionIDs.removeAll() }
        guard retention.isUnfinished else { return }
      }
    } catch {
      note(error, during: "delete old rows", lost: 0)
    }
  }

  /// A passive checkpoint: copies what it can into the file without waiting for readers.
  mutating func checkpoint(_ pool: DatabasePool) {
    maintenanceIsArranged = false
    written = 0
    do { _ = try pool.writeWithoutTransaction { try $0.checkpoint(.passive) } } catch {
      note(error, during: "checkpoint", lost: 0)
    }
  }

  private var hasNews: Bool { recoveredLosses != nil || failure?.isReported == false }

  mutating func takeNews() -> News {
    if let lost = recoveredLosses.take() { return .recovered(lost: lost) }
    guard let failure, !failure.isReported else { return .nothing }
    self.failure?.isReported = true
    return .beganToFail(failure)
  }

  private mutating func recover() {
    guard let failure = failure.take() else { return }
    // One that nobody has heard of is told of as it began; its losses are in it.
    if failure.isReported { recoveredLosses = failure.lost } else { self.failure = failure }
  }

  private mutating func note(_ error: any Error, during operation: String, lost: Int) {
    if failure == nil { failure = Failure(operation: operation, error: error, lost: 0) }
    failure?.lost += lost
  }
}
