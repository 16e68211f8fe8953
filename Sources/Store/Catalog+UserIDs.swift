import GRDB
import Synchronization

extension Catalog {
  /// Leases a host user id of `range` to an execution environment.
  ///
  /// Leases are handed out in turn, so that a released id rests as long as possible. A lease survives the process, not a power cut,
  /// after which nothing of an environment lives either: so it is committed without waiting for the disk, being on the way of a cold
  /// start. Throws ``CatalogError/noUserIDLeft``.
  package func leaseUserID(for environment: String, from range: ClosedRange<UInt32>) async throws(CatalogError) -> UInt32 {
    try await leaseWrite("lease user id") { [self] database in
      let start = lastUserID.withLock { range.contains($0) && $0 < range.upperBound ? $0 + 1 : range.lowerBound }
      guard
        let userID = try Catalog.firstFree(in: start...range.upperBound, database)
          ?? Catalog.firstFree(in: range.lowerBound...start, database)
      else { throw CatalogError.noUserIDLeft }
      try database.execute(
        literal: "INSERT INTO userIDLease (userID, environment, leased) VALUES (\(userID), \(environment), \(now()))")
      lastUserID.withLock { $0 = userID }
      return userID
    }
  }

  /// Ends a lease; no error if there is none. Nothing of the environment may live any more.
  package func releaseUserID(_ userID: UInt32) async throws(CatalogError) {
    try await leaseWrite("release user id \(userID)") { database in
      try database.execute(literal: "DELETE FROM userIDLease WHERE userID = \(userID)")
    }
  }

  /// Ends all leases: at start, once whatever a crash left has been killed.
  package func releaseAllUserIDs() async throws(CatalogError) {
    try await leaseWrite("release all user ids") { try $0.execute(sql: "DELETE FROM userIDLease") }
  }

  /// The leases as they stand on disk: environment by user id.
  package func leasedUserIDs() async throws(CatalogError) -> [UInt32: String] {
    try await read("list user ids") { database in
      let rows = try Row.fetchAll(database, sql: "SELECT userID, environment FROM userIDLease")
      return Dictionary(uniqueKeysWithValues: rows.map { ($0["userID"], $0["environment"]) })
    }
  }

  /// The smallest id of `range` without a lease: either its lower bound, or one after a lease whose successor is free.
  private static func firstFree(in range: ClosedRange<UInt32>, _ database: Database) throws -> UInt32? {
    let taken = "SELECT 1 FROM userIDLease WHERE userID ="
    let lowest = range.lowerBound
    guard try Bool.fetchOne(database, sql: "SELECT EXISTS (\(taken) ?)", arguments: [lowest]) == true else { return lowest }
    return try UInt32.fetchOne(
      database,
      sql: """
        SELECT min(userID) + 1 FROM userIDLease lease
        WHERE userID >= ? AND userID < ? AND NOT EXISTS (\(taken) lease.userID + 1)
        """,
      arguments: [lowest, range.upperBound])
  }

  /// One transaction with `synchronous=NORMAL`; the next full one makes it durable too.
  private func leaseWrite<Value: Sendable>(
    _ operation: String, _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws(CatalogError) -> Value {
    try await access(operation) { [database] in
      try await database.writeWithoutTransaction { database in
        try database.execute(sql: "PRAGMA synchronous = NORMAL")
        let result = Result { () throws -> Value in
          var value: Value?
          try database.inTransaction(.immediate) {
            value = try body(database)
            return .commit
          }
          guard let value else { preconditionFailure("a committed transaction has a value") }
          return value
        }
        try database.execute(sql: "PRAGMA synchronous = FULL")
        return try result.get()
      }
    }
  }
}
