import FunctionModel
import GRDB

/// How records stand in the journal's tables.
///
/// Every query selects the table joined with `function`, so that a row carries `account`, `region` and `name`.
extension FunctionID {
  init(row: Row) {
    self.init(owner: Owner(account: row["account"], region: row["region"]), name: row["name"])
  }
}

/// A row that this program cannot have written.
struct UnknownValue: Error, CustomStringConvertible {
  var column: String
  var value: String
  var description: String { "unknown \(column) \"\(value)\"" }
}

extension Row {
  fileprivate func named<Value: RawRepresentable<String>>(_ column: String) throws -> Value {
    let text: String = self[column]
    guard let value = Value(rawValue: text) else { throw UnknownValue(column: column, value: text) }
    return value
  }

  fileprivate func size(_ column: String) -> MemorySize { MemorySize(bytes: self[column]) }
}

extension InvocationRecord {
  static let insertion = """
    INSERT INTO invocation (functionID, requestID, version, environmentID, type, outcome, errorType, coldStart, accepted, queue,
      sandboxCreate, initialization, invoke, response, billedMilliseconds, memorySize, maxMemoryUsed, cpuMicroseconds, requestBytes,
      responseBytes, throttledPeriods, throttledMicroseconds, refusedProcesses, cpuPressureMicroseconds, memoryPressureMicroseconds,
      ioPressureMicroseconds)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    """

  func arguments(functionID: Int64) -> StatementArguments {
    [
      functionID, requestID, version, environmentID, type.rawValue, outcome.rawValue, errorType, coldStart, accepted, phases.queue,
      phases.sandboxCreate, phases.initialization, phases.invoke, phases.response, billedMilliseconds, memorySize.bytes,
      maxMemoryUsed.bytes, cpuMicroseconds, requestBytes, responseBytes,
      stalls?.throttledPeriods, stalls?.throttledMicroseconds, stalls?.refusedProcesses, stalls?.cpuPressureMicroseconds,
      stalls?.memoryPressureMicroseconds, stalls?.ioPressureMicroseconds,
    ]
  }

  init(row: Row) throws {
    self.init(
      requestID: row["requestID"], function: FunctionID(row: row), version: row["version"], environmentID: row["environmentID"],
      type: try row.named("type"), outcome: try row.named("outcome"), errorType: row["errorType"], coldStart: row["coldStart"],
      accepted: row["accepted"],
      phases: InvocationPhases(
        queue: row["queue"], sandboxCreate: row["sandboxCreate"], initialization: row["initialization"], invoke: row["invoke"],
        response: row["response"]),
      billedMilliseconds: row["billedMilliseconds"], memorySize: row.size("memorySize"), maxMemoryUsed: row.size("maxMemoryUsed"),
      cpuMicroseconds: row["cpuMicroseconds"], requestBytes: row["requestBytes"], responseBytes: row["responseBytes"],
      stalls: ResourceStalls(row: row))
  }
}

extension ResourceStalls {
  fileprivate init?(row: Row) {
    guard let throttledPeriods: Int64 = row["throttledPeriods"] else { return nil }
    self.init(
      throttledPeriods: throttledPeriods, throttledMicroseconds: row["throttledMicroseconds"], refusedProcesses: row["refusedProcesses"],
      cpuPressureMicroseconds: row["cpuPressureMicroseconds"], memoryPressureMicroseconds: row["memoryPressureMicroseconds"],
      ioPressureMicroseconds: row["ioPressureMicroseconds"])
  }
}

extension EnvironmentRecord {
  static let insertion = """
    INSERT INTO environment (functionID, environmentID, version, revision, logStream, memorySize, started, ended, endReason,
      sandboxCreate, initialization, invocations)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (environmentID) DO UPDATE SET ended = excluded.ended, endReason = excluded.endReason,
      sandboxCreate = excluded.sandboxCreate, initialization = excluded.initialization, invocations = excluded.invocations
    """

  func arguments(functionID: Int64) -> StatementArguments {
    [
      functionID, id, version, revision, logStream, memorySize.bytes, started, ended, endReason, sandboxCreate, initialization,
      invocations,
    ]
  }

  init(row: Row) {
    self.init(
      id: row["environmentID"], function: FunctionID(row: row), version: row["version"], revision: row["revision"],
      logStream: row["logStream"], memorySize: row.size("memorySize"), started: row["started"], ended: row["ended"],
      endReason: row["endReason"], sandboxCreate: row["sandboxCreate"], initialization: row["initialization"],
      invocations: row["invocations"])
  }
}

extension LogRecord {
  static let insertion = """
    INSERT INTO log (functionID, environmentID, requestID, timestamp, source, message) VALUES (?, ?, ?, ?, ?, ?)
    """

  func arguments(functionID: Int64) -> StatementArguments {
    [functionID, environmentID, requestID, timestamp, source.rawValue, storedMessage]
  }

  /// SQLite's text ends at a NUL for whoever reads it as a C string, GRDB included: NULs are stored as the symbol for them, ␀.
  private var storedMessage: String {
    guard message.utf8.contains(0) else { return message }
    return String(String.UnicodeScalarView(message.unicodeScalars.map { $0 == "\0" ? "\u{2400}" : $0 }))
  }

  init(row: Row) throws {
    self.init(
      function: FunctionID(row: row), environmentID: row["environmentID"], requestID: row["requestID"],
      timestamp: row["timestamp"], source: try row.named("source"), message: row["message"])
  }
}
