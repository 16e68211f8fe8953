import Dispatch
package import Logging
import GRDB
import Synchronization

/// Invocations, environments and log lines: `journal.sqlite`, written with `synchronous=NORMAL`, in batches.
///
/// `append` puts an entry into a bounded queue and returns. The first entry of a batch arranges a write within 50 ms, the five-hundredth
/// asks for it at once; a second after the first write the log is checkpointed, losses are reported and retention takes a slice. All of
/// that happens on one serial queue. When nothing is appended, no timer runs.
package final class Journal: Sendable {
  /// Half of the promised 50 ms: the rest is for the commit.
  static let batchingDelay = DispatchTimeInterval.milliseconds(25)
  static let maintenanceInterval = DispatchTimeInterval.seconds(1)

  let path: String
  let pool: DatabasePool
  let logger: Logger
  let waiting: Mutex<JournalQueue>
  let writer: Mutex<JournalWriter>
  /// Everything that writes runs here, one after the other.
  let queue = DispatchQueue(label: "roost.journal")

  /// Opens or makes the file and migrates it. Blocks: call it while starting.
  package convenience init(
    path: String, retention: JournalRetention = JournalRetention(), logger: Logger = Logger(label: "roost.journal")
  ) throws(StoreError) {
    try self.init(path: path, retention: retention, logger: logger, limits: JournalQueue.Limits())
  }

  init(path: String, retention: JournalRetention, logger: Logger, limits: JournalQueue.Limits) throws(StoreError) {
    self.path = path
    self.logger = logger
    waiting = Mutex(JournalQueue(limits: limits))
    writer = Mutex(JournalWriter(retention: retention))
    DatabaseFile.makePrivate(path: path)
    pool = try DatabaseFile.attempt("open", on: path) {
      var configuration = DatabaseFile.configuration(label: "roost.journal")
      configuration.maximumReaderCount = 2
      return try DatabasePool(path: path, configuration: configuration)
    }
    try DatabaseFile.migrate(pool, with: JournalSchema.migrator, path: path)
  }

  /// Takes an entry for writing. Any thread; never waits. A full queue drops it, which is counted and logged.
  package func append(_ entry: JournalEntry) {
    switch waiting.withLock({ $0.append(entry) }) {
    case .nothing: break
    case .writeSoon: queue.asyncAfter(deadline: .now() + Journal.batchingDelay) { self.writeWaiting() }
    case .writeNow: queue.async { self.writeWaiting() }
    }
  }

  /// Returns when all that was appended before is committed to the file.
  package func flush() async {
    await withCheckedContinuation { continuation in
      queue.async {
        self.writeWaiting()
        continuation.resume()
      }
    }
  }

  /// Writes what waits, folds the write-ahead log into the file and closes it. Later entries are dropped.
  package func close() async {
    guard waiting.withLock({ $0.close() }) else { return }
    await withCheckedContinuation { continuation in
      queue.async {
        self.writeWaiting()
        self.reportLosses()
        do {
          _ = try self.pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
          try self.pool.close()
        } catch {
          self.logger.warning("\(DatabaseFile.wording(error, operation: "close", path: self.path))")
        }
        continuation.resume()
      }
    }
  }

  /// On the queue.
  private func writeWaiting() {
    let (entries, batch) = waiting.withLock { ($0.takeAll(), $0.limits.batch) }
    let needsMaintenance = writer.withLock { writer in
      for start in stride(from: 0, to: entries.count, by: batch) {
        writer.write(entries[start..<min(start + batch, entries.count)], to: pool)
      }
      return writer.wantsMaintenance()
    }
    if needsMaintenance {
      queue.asyncAfter(deadline: .now() + Journal.maintenanceInterval) { self.maintain() }
    }
  }

  /// On the queue, at most once a second and only after writes.
  private func maintain() {
    guard !waiting.withLock({ $0.isClosed }) else { return }
    reportLosses()
    let more = writer.withLock { writer in
      writer.retain(in: pool)
      writer.checkpoint(pool)
      return writer.wantsMaintenance()
    }
    if more { queue.asyncAfter(deadline: .now() + Journal.maintenanceInterval) { self.maintain() } }
  }

  /// On the queue.
  func reportLosses() {
    let refused = waiting.withLock { $0.takeDropped() }
    if refused > 0 { logger.warning("journal queue was full: \(refused) entries dropped") }
    switch writer.withLock({ $0.takeNews() }) {
    case .nothing: break
    case .beganToFail(let failure):
      let error = DatabaseFile.wording(failure.error, operation: failure.operation, path: path)
      logger.error("\(error); nothing is recorded until this is mended, \(failure.lost) entries lost so far")
    case .recovered(let lost): logger.notice("\(path) is written again; \(lost) entries were lost")
    }
  }
}
