package import FunctionModel
import FoundationEssentials
import GRDB
import Synchronization

/// Functions with their versions and aliases, layer versions and user-id leases: `roost.sqlite`, written with `synchronous=FULL`.
///
/// One connection writes. Functions are also kept in memory, changed only after the commit, so that reading one costs no I/O and what
/// is read is on disk.
package final class Catalog: Sendable {
  /// One version of a function as kept in memory: its configuration and the snapshot that environments are made from.
  struct Snapshot: Sendable {
    var configuration: FunctionConfiguration
    var version: FunctionVersion

    init(_ configuration: FunctionConfiguration, revision: String) {
      self.configuration = configuration
      self.version = FunctionVersion(configuration, revision: revision)
    }
  }

  /// A function as kept in memory.
  struct Entry: Sendable {
    var latest: Snapshot
    var published: [Int: Snapshot] = [:]
    /// The number given last, which may have been deleted; 0 if none was.
    var lastVersion = 0
    /// The revision of `$LATEST` that was published last.
    var publishedRevision: String?
    var aliases: [String: FunctionAlias] = [:]
    var settings: [SettingKey: any FunctionSetting] = [:]

    var snapshots: [Snapshot] { [latest] + published.values }

    /// What is behind a version's name; `nil` stands for `$LATEST`.
    func snapshot(version: String?) -> Snapshot? {
      guard let version, version != "$LATEST" else { return latest }
      return Int(version).flatMap { String($0) == version ? published[$0] : nil }
    }

    /// What is behind the name of a version or an alias. The main version of an alias, whatever its weights.
    func snapshot(qualifier: String?) -> Snapshot? {
      if let qualifier, let alias = aliases[qualifier] { return snapshot(version: alias.version) }
      return snapshot(version: qualifier)
    }
  }

  let path: String
  let database: DatabaseQueue
  let entries: Mutex<[FunctionID: Entry]>
  /// Whose function URL has an id. What is found must still be there: a deleted function leaves its id behind.
  let urls = Mutex<[String: URLHolder]>([:])

  struct URLHolder: Sendable {
    var function: FunctionID
    var qualifier: String
  }
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
    for (id, entry) in loaded { indexURLs(of: id, entry) }
  }

  private static func loadFunctions(_ database: Database) throws -> [FunctionID: Entry] {
    var loaded: [FunctionID: Entry] = [:]
    let functions = try Row.fetchCursor(database, sql: "SELECT revision, configuration, lastVersion, publishedRevision FROM function")
    while let row = try functions.next() {
      let snapshot = try snapshot(row)
      loaded[snapshot.configuration.id] = Entry(
        latest: snapshot, lastVersion: row["lastVersion"], publishedRevision: row["publishedRevision"])
    }
    let versions = try Row.fetchCursor(database, sql: "SELECT version, revision, configuration FROM functionVersion")
    while let row = try versions.next() {
      let snapshot = try snapshot(row)
      loaded[snapshot.configuration.id]?.published[row["version"]] = snapshot
    }
    let aliases = try Row.fetchCursor(database, sql: "SELECT account, region, function, document FROM alias")
    while let row = try aliases.next() {
      let alias = try JSONDecoder().decode(FunctionAlias.self, from: row["document"])
      let id = FunctionID(owner: Owner(account: row["account"], region: row["region"]), name: row["function"])
      loaded[id]?.aliases[alias.name] = alias
    }
    try loadSettings(database, into: &loaded)
    return loaded
  }

  private static func snapshot(_ row: Row) throws -> Snapshot {
    Snapshot(try JSONDecoder().decode(FunctionConfiguration.self, from: row["configuration"]), revision: row["revision"])
  }

  /// The function's `$LATEST`, or what `qualifier`, a version or an alias, names of it; from memory.
  package func function(_ id: FunctionID, qualifier: String? = nil) -> FunctionConfiguration? {
    entries.withLock { $0[id]?.snapshot(qualifier: qualifier)?.configuration }
  }

  /// The snapshot behind `qualifier`, a version or an alias, whose main version it is then; from memory.
  package func version(_ id: FunctionID, qualifier: String?) -> FunctionVersion? {
    entries.withLock { $0[id]?.snapshot(qualifier: qualifier)?.version }
  }

  /// The snapshot that serves an invocation of `qualifier`, a version or an alias, and its state; from memory.
  ///
  /// - Parameter draw: gives a random number, 0 up to 1, where an alias splits its invocations.
  package func target(
    _ id: FunctionID, qualifier: String?, draw: () -> Double
  ) -> (version: FunctionVersion, state: FunctionState)? {
    entries.withLock { entries in
      guard let entry = entries[id] else { return nil }
      let alias = qualifier.flatMap { entry.aliases[$0] }
      let version = alias.map { $0.weights.isEmpty ? $0.version : $0.version(for: draw()) } ?? qualifier
      return entry.snapshot(version: version).map { ($0.version, $0.configuration.state) }
    }
  }

  /// All functions of an owner, by name; from memory.
  package func functions(of owner: Owner) -> [FunctionConfiguration] {
    entries.withLock { entries in entries.values.lazy.map(\.latest.configuration).filter { $0.id.owner == owner } }
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
  /// What an environment of this version serves.
  init(_ configuration: FunctionConfiguration, revision: String) {
    self.init(
      key: Key(function: configuration.id, version: configuration.version, revision: revision),
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
