import FoundationEssentials
import GRDB
import Glibc

/// What the catalog's and the journal's SQLite files have in common: opening, migrating, and saying what went wrong.
enum DatabaseFile {
  /// The configuration of both: WAL, foreign keys on, and five seconds of patience with another process (`roost backup`, `sqlite3`).
  static func configuration(label: String) -> Configuration {
    var configuration = Configuration()
    configuration.label = label
    configuration.journalMode = .wal
    configuration.busyMode = .timeout(5)
    return configuration
  }

  /// Makes the file, readable by its owner alone, unless there is one; SQLite gives the write-ahead log the same mode.
  ///
  /// Environment variables of functions and their log lines are nobody else's business.
  static func makePrivate(path: String) {
    guard !FileManager.default.fileExists(atPath: path) else { return }
    // If it cannot be made, SQLite is about to say why.
    _ = FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
  }

  /// Brings the schema up to date.
  ///
  /// Refuses a file that a newer Roost has written: its rows may mean what this program does not know.
  static func migrate(_ writer: some DatabaseWriter, with migrator: DatabaseMigrator, path: String) throws(StoreError) {
    try attempt("migrate", on: path) {
      let unknown = try writer.read { database in
        try migrator.appliedIdentifiers(database).subtracting(migrator.migrations)
      }
      guard unknown.isEmpty else {
        throw StoreError(
          operation: "open", object: path,
          answer: "written by a newer Roost: its schema has \(unknown.sorted().joined(separator: ", ")), this one knows up to "
            + "\(migrator.migrations.last ?? "nothing"); install the newer version or restore a backup")
      }
      try migrator.migrate(writer)
    }
  }

  /// Whether the last process to use the file did not close it: only an orderly close takes the write-ahead log away.
  static func wasLeftOpen(path: String) -> Bool {
    let size = try? FileManager.default.attributesOfItem(atPath: path + "-wal")[.size] as? Int  // absent: nothing to check
    return (size ?? 0) > 0
  }

  /// `PRAGMA quick_check`: every page readable and every row well formed; not the indexes' content.
  static func quickCheck(_ reader: some DatabaseReader, path: String) throws(StoreError) {
    let complaints = try attempt("quick_check", on: path) {
      try reader.read { try String.fetchAll($0, sql: "PRAGMA quick_check(5)") }
    }
    guard complaints == ["ok"] else {
      throw StoreError(operation: "quick_check", object: path, answer: complaints.joined(separator: "; "))
    }
  }

  /// Runs `body` and words what it throws.
  static func attempt<Value>(_ operation: String, on path: String, _ body: () throws -> Value) throws(StoreError) -> Value {
    do { return try body() } catch { throw wording(error, operation: operation, path: path) }
  }

  static func wording(_ error: any Error, operation: String, path: String) -> StoreError {
    switch error {
    case let error as StoreError: error
    case let error as DatabaseError:
      StoreError(
        operation: operation, object: path,
        answer: "SQLite \(error.extendedResultCode.rawValue) (\(error.message ?? error.extendedResultCode.description))",
        // The second: the shared memory beside the write-ahead log could not grow.
        isOutOfSpace: error.resultCode == .SQLITE_FULL || error.extendedResultCode == .SQLITE_IOERR_SHMSIZE)
    default: StoreError(operation: operation, object: path, answer: String(describing: error))
    }
  }
}

/// Milliseconds since 1970, by `clock_gettime(CLOCK_REALTIME)`.
@Sendable func currentMilliseconds() -> Int64 {
  Int64((Date().timeIntervalSince1970 * 1000).rounded(.down))
}
