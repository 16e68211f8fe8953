import GRDB

/// The schema of `journal.sqlite`. A released migration is never edited.
///
/// Row ids only grow (AUTOINCREMENT), also when retention has emptied a table: they are the cursors of followers, and retention works
/// from the smallest upwards. A function is a number here: its name and owner would be a third of most rows and of every index.
enum JournalSchema {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("journal-1") { database in
      try database.execute(sql: functions + invocations + environments + logs)
    }
    migrator.registerMigration("journal-2") { database in try database.execute(sql: stalls) }
    migrator.registerMigration("journal-3") { database in
      try database.execute(sql: logBytes)
    }
    return migrator
  }

  private static let functions = """
    CREATE TABLE function (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      account TEXT NOT NULL,
      region TEXT NOT NULL,
      name TEXT NOT NULL,
      UNIQUE (account, region, name)
    ) STRICT;

    """

  private static let invocations = """
    CREATE TABLE invocation (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      functionID INTEGER NOT NULL,
      requestID TEXT NOT NULL,
      version TEXT NOT NULL,
      environmentID TEXT,
      type TEXT NOT NULL,
      outcome TEXT NOT NULL,
      errorType TEXT,
      coldStart INTEGER NOT NULL,
      -- milliseconds since 1970
      accepted INTEGER NOT NULL,
      -- the phases, in microseconds
      queue INTEGER NOT NULL,
      sandboxCreate INTEGER NOT NULL,
      initialization INTEGER NOT NULL,
      invoke INTEGER NOT NULL,
      response INTEGER NOT NULL,
      billedMilliseconds INTEGER NOT NULL,
      -- bytes
      memorySize INTEGER NOT NULL,
      maxMemoryUsed INTEGER NOT NULL,
      cpuMicroseconds INTEGER NOT NULL,
      requestBytes INTEGER NOT NULL,
      responseBytes INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX invocationByTime ON invocation (accepted);
    CREATE INDEX invocationByFunction ON invocation (functionID, accepted);
    CREATE INDEX invocationByRequest ON invocation (requestID);
    CREATE INDEX invocationByEnvironment ON invocation (environmentID);

    """

  /// NULL where nothing ran, and the pressures also where the kernel keeps none.
  private static let stalls = """
    ALTER TABLE invocation ADD COLUMN throttledPeriods INTEGER;
    ALTER TABLE invocation ADD COLUMN throttledMicroseconds INTEGER;
    ALTER TABLE invocation ADD COLUMN refusedProcesses INTEGER;
    ALTER TABLE invocation ADD COLUMN cpuPressureMicroseconds INTEGER;
    ALTER TABLE invocation ADD COLUMN memoryPressureMicroseconds INTEGER;
    ALTER TABLE invocation ADD COLUMN ioPressureMicroseconds INTEGER;
    """

  private static let environments = """
    CREATE TABLE environment (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      functionID INTEGER NOT NULL,
      environmentID TEXT NOT NULL UNIQUE,
      version TEXT NOT NULL,
      revision TEXT NOT NULL,
      logStream TEXT NOT NULL,
      memorySize INTEGER NOT NULL,
      started INTEGER NOT NULL,
      ended INTEGER,
      endReason TEXT,
      sandboxCreate INTEGER,
      initialization INTEGER,
      invocations INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX environmentByTime ON environment (started);
    CREATE INDEX environmentByFunction ON environment (functionID, started);

    """

  private static let logs = """
    CREATE TABLE log (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      functionID INTEGER NOT NULL,
      environmentID TEXT NOT NULL,
      requestID TEXT,
      -- microseconds since 1970
      timestamp INTEGER NOT NULL,
      source TEXT NOT NULL,
      message TEXT NOT NULL
    ) STRICT;
    CREATE INDEX logByFunction ON log (functionID);

    """

  /// About how much of the file each function's log takes. Triggers keep it, so that no statement can forget to.
  private static let logBytes = """
    ALTER TABLE function ADD COLUMN logBytes INTEGER NOT NULL DEFAULT 0;
    UPDATE function SET logBytes = (
      SELECT coalesce(sum(\(logRowBytes("log"))), 0) FROM log WHERE functionID = function.id);
    CREATE TRIGGER logAdded AFTER INSERT ON log BEGIN
      UPDATE function SET logBytes = logBytes + \(logRowBytes("NEW")) WHERE id = NEW.functionID;
    END;
    CREATE TRIGGER logDeleted AFTER DELETE ON log BEGIN
      UPDATE function SET logBytes = logBytes - \(logRowBytes("OLD")) WHERE id = OLD.functionID;
    END;

    """

  /// The message, and the other columns with their index.
  static func logRowBytes(_ row: String) -> String { "(length(CAST(\(row).message AS BLOB)) + 160)" }
}
