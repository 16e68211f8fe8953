package import FunctionModel
import FoundationEssentials
import GRDB
import Synchronization

/// The asynchronous invocations that wait, in `roost.sqlite`.
///
/// What ``accept(_:)`` acknowledged survives `kill -9` and a power cut. All that asks for a change while one transaction is on its way to the
/// disk shares the next: many callers pay for one fsync(2). Nothing is kept in memory but what is asked for.
package final class EventQueue: Sendable {
  private let path: String
  private let database: DatabaseQueue
  private let waiting = Mutex<[Pending]>([])

  private struct Pending: Sendable {
    var change: @Sendable (Database) throws -> Void
    var done: CheckedContinuation<Result<Void, CatalogError>, Never>
  }

  package init(_ catalog: Catalog) {
    path = catalog.path
    database = catalog.database
  }

  /// Adds an event, due at once; returns when it is on disk.
  package func accept(_ event: QueuedEvent) async throws(CatalogError) {
    try await commit { database in try Self.insert(event, due: event.accepted, in: database) }
  }

  /// Puts an event off.
  ///
  /// - Parameters:
  ///   - due: milliseconds since 1970.
  ///   - attempts: those so far that ended in a function error.
  package func postpone(_ requestID: String, until due: Int64, attempts: Int) async throws(CatalogError) {
    try await commit { database in
      try database.execute(
        sql: "UPDATE event SET due = ?, attempts = ? WHERE requestID = ?", arguments: [due, attempts, requestID])
    }
  }

  /// An event is done with; what follows from it is accepted in the same instant: events for destinations that are functions, and
  /// deliveries to others.
  package func settle(
    _ requestID: String, followedBy events: [QueuedEvent] = [], _ deliveries: [QueuedDelivery] = []
  ) async throws(CatalogError) {
    try await commit { database in
      try database.execute(sql: "DELETE FROM event WHERE requestID = ?", arguments: [requestID])
      for event in events { try Self.insert(event, due: event.accepted, in: database) }
      for delivery in deliveries { try Self.insert(delivery, in: database) }
    }
  }

  /// A function with events, and when the first of them is due.
  package struct Lane: Sendable, Hashable {
    package var function: FunctionID
    /// Milliseconds since 1970.
    package var due: Int64
  }

  /// All functions that have events. Takes time in proportion to their number, not to that of the events.
  package func lanes() async throws(CatalogError) -> [Lane] {
    try await read("find functions with events") { database in
      // A loose index scan: from each function straight to the next.
      let rows = try Row.fetchAll(
        database,
        sql: """
          WITH RECURSIVE lane(account, region, function) AS (
            SELECT * FROM (SELECT account, region, function FROM event ORDER BY account, region, function LIMIT 1)
            UNION ALL
            SELECT next.account, next.region, next.function FROM lane, event AS next
            WHERE next.rowid = (
              SELECT rowid FROM event WHERE (account, region, function) > (lane.account, lane.region, lane.function)
              ORDER BY account, region, function LIMIT 1)
          )
          SELECT *, (SELECT MIN(due) FROM event WHERE (event.account, event.region, event.function) = (lane.account, lane.region, lane.function)) AS due
          FROM lane
          """)
      return rows.map { Lane(function: Self.function($0), due: $0["due"]) }
    }
  }

  /// The events of a function that are due, those that were due first, first.
  ///
  /// - Parameters:
  ///   - now: milliseconds since 1970.
  ///   - held: request ids of events that are being worked on, which are left out.
  /// - Returns: also when the first of the others will be due.
  package func due(
    of function: FunctionID, at now: Int64, limit: Int, excluding held: Set<String>
  ) async throws(CatalogError) -> (events: [QueuedEvent], next: Int64?) {
    try await read("read events of \(function.name)") { database in
      let rows = try Row.fetchCursor(
        database,
        sql: """
          SELECT * FROM event WHERE account = ? AND region = ? AND function = ? AND due <= ? ORDER BY due, rowid
          """,
        arguments: [function.owner.account, function.owner.region, function.name, now])
      var events: [QueuedEvent] = []
      while events.count < limit, let row = try rows.next() {
        let event = Self.event(row)
        if !held.contains(event.requestID) { events.append(event) }
      }
      let next = try Int64.fetchOne(
        database, sql: "SELECT MIN(due) FROM event WHERE account = ? AND region = ? AND function = ? AND due > ?",
        arguments: [function.owner.account, function.owner.region, function.name, now])
      return (events, next)
    }
  }

  /// Events that wait.
  package func count() async throws(CatalogError) -> Int {
    try await read("count events") { database in try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM event") ?? 0 }
  }

  /// Drops the events of a function that is gone.
  package func removeAll(of function: FunctionID) async throws(CatalogError) {
    try await commit { database in
      try database.execute(
        sql: "DELETE FROM event WHERE account = ? AND region = ? AND function = ?",
        arguments: [function.owner.account, function.owner.region, function.name])
    }
  }

  private static func insert(_ event: QueuedEvent, due: Int64, in database: Database) throws {
    try database.execute(
      sql: """
        INSERT INTO event (requestID, account, region, function, qualifier, payload, clientContext, traceID, accepted, attempts, due)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        event.requestID, event.function.owner.account, event.function.owner.region, event.function.name, event.qualifier,
        Data(event.payload),
        event.clientContext, event.traceID, event.accepted, event.attempts, due,
      ])
  }

  private static func function(_ row: Row) -> FunctionID {
    FunctionID(owner: Owner(account: row["account"], region: row["region"]), name: row["function"])
  }

  private static func event(_ row: Row) -> QueuedEvent {
    let payload: Data = row["payload"]
    return QueuedEvent(
      requestID: row["requestID"], function: function(row), qualifier: row["qualifier"], payload: Array(payload),
      clientContext: row["clientContext"], traceID: row["traceID"], accepted: row["accepted"], attempts: row["attempts"])
  }
}

// Deliveries to other services.
extension EventQueue {
  /// Those that are due, and when the first of the others will be.
  package func dueDeliveries(
    at now: Int64, limit: Int, excluding held: Set<String>
  ) async throws(CatalogError) -> (deliveries: [QueuedDelivery], next: Int64?) {
    try await read("read deliveries") { database in
      let rows = try Row.fetchCursor(database, sql: "SELECT * FROM delivery WHERE due <= ? ORDER BY due, rowid", arguments: [now])
      var deliveries: [QueuedDelivery] = []
      while deliveries.count < limit, let row = try rows.next() {
        let delivery = try Self.delivery(row)
        if !held.contains(delivery.id) { deliveries.append(delivery) }
      }
      let next = try Int64.fetchOne(database, sql: "SELECT MIN(due) FROM delivery WHERE due > ?", arguments: [now])
      return (deliveries, next)
    }
  }

  /// Puts a delivery off, after another attempt that failed.
  package func postponeDelivery(_ id: String, until due: Int64) async throws(CatalogError) {
    try await commit { database in
      try database.execute(sql: "UPDATE delivery SET due = ?, attempts = attempts + 1 WHERE id = ?", arguments: [due, id])
    }
  }

  /// A delivery was made, or is given up.
  package func settleDelivery(_ id: String) async throws(CatalogError) {
    try await commit { database in try database.execute(sql: "DELETE FROM delivery WHERE id = ?", arguments: [id]) }
  }

  private static func insert(_ delivery: QueuedDelivery, in database: Database) throws {
    let owner = delivery.function.owner
    try database.execute(
      sql: """
        INSERT INTO delivery (id, kind, target, account, region, function, functionARN, requestID, role, body, errorMessage, made, attempts, due)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        delivery.id, delivery.kind.rawValue, delivery.target, owner.account, owner.region, delivery.function.name, delivery.functionARN,
        delivery.requestID, delivery.role, Data(delivery.body), delivery.errorMessage, delivery.made, delivery.attempts, delivery.made,
      ])
  }

  private static func delivery(_ row: Row) throws -> QueuedDelivery {
    guard let kind = QueuedDelivery.Kind(rawValue: row["kind"]) else { throw DatabaseError(message: "a delivery of an unknown kind") }
    let body: Data = row["body"]
    return QueuedDelivery(
      id: row["id"], kind: kind, target: row["target"], function: function(row), functionARN: row["functionARN"],
      requestID: row["requestID"], role: row["role"], body: Array(body), errorMessage: row["errorMessage"], made: row["made"],
      attempts: row["attempts"])
  }
}

// Many changes, one transaction.
extension EventQueue {
  private func commit(_ change: @escaping @Sendable (Database) throws -> Void) async throws(CatalogError) {
    let result = await withCheckedContinuation { (done: CheckedContinuation<Result<Void, CatalogError>, Never>) in
      let isFirst = waiting.withLock { waiting in
        defer { waiting.append(Pending(change: change, done: done)) }
        return waiting.isEmpty
      }
      if isFirst { database.asyncWriteWithoutTransaction { self.writeWaiting($0) } }
    }
    try result.get()
  }

  /// On the database's queue.
  private func writeWaiting(_ database: Database) {
    let batch = waiting.withLock { waiting in
      defer { waiting = [] }
      return waiting
    }
    var results: [Result<Void, CatalogError>] = []
    do {
      try database.inTransaction(.immediate) {
        results = try batch.map { try self.perform($0, in: database) }
        return .commit
      }
    } catch {
      results = batch.map { _ in .failure(failure(error)) }
    }
    for (pending, result) in zip(batch, results) { pending.done.resume(returning: result) }
  }

  /// One change that fails does not take the others with it.
  private func perform(_ pending: Pending, in database: Database) throws -> Result<Void, CatalogError> {
    var result = Result<Void, CatalogError>.success(())
    try database.inSavepoint {
      do { try pending.change(database) } catch {
        result = .failure(failure(error))
        return .rollback
      }
      return .commit
    }
    return result
  }

  private func failure(_ error: any Error) -> CatalogError {
    .store(DatabaseFile.wording(error, operation: "change the event queue", path: path))
  }

  private func read<Value: Sendable>(
    _ operation: String, _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws(CatalogError) -> Value {
    do { return try await database.read(body) } catch {
      throw .store(DatabaseFile.wording(error, operation: operation, path: path))
    }
  }
}
