package import FunctionModel
import FoundationEssentials
import GRDB
import Synchronization

/// Functions, layer versions and user-id leases: `roost.sqlite`, written with `synchronous=FULL`.
///
/// One connection writes. Functions are also kept in memory, changed only after the commit, so that reading one costs no I/O and what
/// is read is on disk.
package final class Catalog: Sendable {
  /// A function as kept in memory: its configuration and the snapshot that environments are made from.
  struct Entry: Sendable {
    var configuration: FunctionConfiguration
    var version: FunctionVersion

    init(_ configuration: FunctionConfiguration, revision: String) {
      self.configuration = configuration
      self.version = FunctionVersion(latest: configuration, revision: revision)
    }
  }

  let path: String
  let database: DatabaseQueue
  let entries: Mutex<[FunctionID: Entry]>
  /// The user id leased last, so that the next search starts after it.
  let lastUserID = Mutex<UInt32>(0)
  let now: @Sendable () -> Int64

  /// Opens (or makes) the file, checks it if it was left open by a crash, migrates it, and loads the functions.
  ///
  /// Blocks: call it while starting. Fails on a damaged file and on one written by a newer Roost.
  package convenience init(path: String) throws(StoreError) {
    try self.init(path: path, now: currentMilliseconds)
  }

  init(path: String, now: @escaping @Sendable () -> Int64) throws(StoreError) {
    self.path = path
    self.now = now
    DatabaseFile.makePrivate(path: path)
    let wasLeftOpen = DatabaseFile.wasLeftOpen(path: path)
    database = try DatabaseFile.attempt("open", on: path) { [path] in
      try DatabaseQueue(path: path, configuration: DatabaseFile.configuration(label: "roost.catalog"))
    }
    if wasLeftOpen { try DatabaseFile.quickCheck(database, path: path) }
    try DatabaseFile.migrate(database, with: CatalogSchema.migrator, path: path)
    let loaded = try DatabaseFile.attempt("load functions", on: path) { [database] in
      try database.writeWithoutTransaction { database in
        try database.execute(sql: "PRAGMA synchronous = FULL")  // GRDB sets NORMAL when it turns WAL on
        return try Catalog.loadFunctions(database)
      }
    }
    entries = Mutex(loaded)
  }

  private static func loadFunctions(_ database: Database) throws -> [FunctionID: Entry] {
    let rows = try Row.fetchCursor(database, sql: "SELECT revision, configuration FROM function")
    var loaded: [FunctionID: Entry] = [:]
    while let row = try rows.next() {
      let configuration = try JSONDecoder().decode(FunctionConfiguration.self, from: row["configuration"])
      loaded[configuration.id] = Entry(configuration, revision: row["revision"])
    }
    return loaded
  }

  /// The function's `$LATEST`; from memory.
  package func function(_ id: FunctionID) -> FunctionConfiguration? {
    entries.withLock { $0[id]?.configuration }
  }

  /// The snapshot that serves `qualifier`; from memory. `nil` and `$LATEST` name the same; there are no other versions yet.
  package func version(_ id: FunctionID, qualifier: String?) -> FunctionVersion? {
    guard qualifier == nil || qualifier == "$LATEST" else { return nil }
    return entries.withLock { $0[id]?.version }
  }

  /// All functions of an owner, by name; from memory.
  package func functions(of owner: Owner) -> [FunctionConfiguration] {
    entries.withLock { entries in entries.values.lazy.map(\.configuration).filter { $0.id.owner == owner } }
      .sorted { $0.id.name < $1.id.name }
  }

  /// Closes the file, which folds the write-ahead log into it; a next start then need not check it.
  package func close() async throws(StoreError) {
    try await BlockingWork(label: "roost.catalog.close").run { [database, path] () throws(StoreError) in
      try DatabaseFile.attempt("close", on: path) { try database.close() }
    }
  }

  /// Runs `body` in one transaction on the catalog's queue, then `committed` (still there, so in commit order), and words failures.
  func write<Value: Sendable>(
    _ operation: String, _ body: @escaping @Sendable (Database) throws -> Value,
    committed: @escaping @Sendable (Value) -> Void = { _ in }
  ) async throws(CatalogError) -> Value {
    try await access(operation) { [database] in
      try await database.writeWithoutTransaction { database in
        var value: Value?
        try database.inTransaction(.immediate) {
          value = try body(database)
          return .commit
        }
        guard let value else { preconditionFailure("a committed transaction has a value") }
        committed(value)
        return value
      }
    }
  }

  func read<Value: Sendable>(
    _ operation: String, _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws(CatalogError) -> Value {
    try await access(operation) { [database] in try await database.read(body) }
  }

  func access<Value: Sendable>(
    _ operation: String, _ body: () async throws -> Value
  ) async throws(CatalogError) -> Value {
    do { return try await body() } catch let error as CatalogError {
      throw error
    } catch {
      throw .store(DatabaseFile.wording(error, operation: operation, path: path))
    }
  }
}

extension FunctionVersion {
  /// What an environment of `$LATEST` serves.
  init(latest configuration: FunctionConfiguration, revision: String) {
    self.init(
      key: Key(function: configuration.id, version: "$LATEST", revision: revision),
      runtime: configuration.runtime,
      handler: configuration.handler,
      role: configuration.role,
      timeout: .seconds(configuration.timeoutSeconds),
      memory: configuration.memory,
      ephemeralStorage: configuration.ephemeralStorage,
      environment: configuration.environment,
      code: configuration.code.digest,
      layers: configuration.layers.map(\.code.digest),
      logGroup: configuration.logGroup ?? "/aws/lambda/\(configuration.id.name)",
      logFormat: configuration.logFormat,
      network: configuration.network)
  }
}
