import AdminAPI
import FunctionModel
import Synchronization

/// A daemon whose state the test writes down.
final class FakeBackend: AdminBackend {
  struct Contents: Sendable {
    var live: [EnvironmentStatus] = []
    var ended: [EnvironmentRecord] = []
    var invocations: [InvocationRecord] = []
    var logs: [LogRecord] = []
    var functions: Set<FunctionID> = []
  }

  struct Broken: Error, CustomStringConvertible {
    var description: String { "read log in journal.sqlite: disk I/O error" }
  }

  private let contents: Mutex<Contents>
  /// What invocations were asked for, as `function limit before`.
  let asked = Mutex<[String]>([])

  init(_ contents: Contents) { self.contents = Mutex(contents) }

  func environments() -> [EnvironmentStatus] { contents.withLock { $0.live } }

  func stop(environment id: String) -> Bool {
    contents.withLock { contents in
      let before = contents.live.count
      contents.live.removeAll { $0.id == id }
      return contents.live.count < before
    }
  }

  func environmentRecord(id: String) -> EnvironmentRecord? { contents.withLock { $0.ended.first { $0.id == id } } }

  func environmentRecords(limit: Int) -> [EnvironmentRecord] { contents.withLock { Array($0.ended.prefix(limit)) } }

  func invocations(environment id: String, limit: Int) -> [InvocationRecord] {
    contents.withLock { Array($0.invocations.filter { $0.environmentID == id }.prefix(limit)) }
  }

  func invocations(function: FunctionID?, limit: Int, before: Int64?) -> [InvocationRecord] {
    asked.withLock { $0.append("\(function?.arn ?? "-") \(limit) \(before.map(String.init) ?? "-")") }
    return contents.withLock { contents in
      Array(contents.invocations.filter { (function == nil || $0.function == function) && $0.accepted < before ?? .max }.prefix(limit))
    }
  }

  func invocation(requestID: String) -> InvocationRecord? { contents.withLock { $0.invocations.first { $0.requestID == requestID } } }

  func logs(function: FunctionID, after cursor: Int64?, limit: Int) throws -> LogPage {
    if function.name == "broken" { throw Broken() }
    let all = contents.withLock { $0.logs.filter { $0.function == function } }
    let start = cursor.map(Int.init) ?? max(0, all.count - limit)
    let records = Array(all.dropFirst(start).prefix(limit))
    return LogPage(records: records, cursor: Int64(start + records.count))
  }

  func hasFunction(_ id: FunctionID) -> Bool { contents.withLock { $0.functions.contains(id) } }

  func hostFacts() -> HostFacts {
    HostFacts(
      version: "9.9.9", started: 1, stateDirectory: "/s", endpoint: "http://127.0.0.1:3001", owner: Samples.owner, runtimes: ["python3.11"],
      capacity: HostCapacity(
        concurrencyLimit: 10, concurrencyInUse: 1, memoryBudget: .megabytes(1), memoryCommitted: .megabytes(0),
        diskBudget: .megabytes(2), diskCommitted: .megabytes(0)))
  }
}

enum Samples {
  static let owner = Owner(account: "000000000000", region: "us-east-1")
  static let function = FunctionID(owner: owner, name: "f")

  static func status(_ id: String) -> EnvironmentStatus {
    EnvironmentStatus(
      id: id, function: function, version: "$LATEST", state: .frozen, memorySize: .megabytes(128), memoryUsed: nil, maxMemoryUsed: nil,
      cpuMicroseconds: 1, started: 2, lastUsed: 3, invocations: 4, logStream: "l", hostUserID: 5, hostProcessID: 6, currentRequestID: nil)
  }

  static func record(_ id: String) -> EnvironmentRecord {
    EnvironmentRecord(
      id: id, function: function, version: "$LATEST", revision: "r", logStream: "l", memorySize: .megabytes(128), started: 2, ended: 9,
      endReason: "idle")
  }

  static func invocation(_ id: String, environment: String, accepted: Int64 = 1) -> InvocationRecord {
    InvocationRecord(
      requestID: id, function: function, version: "$LATEST", environmentID: environment, type: .requestResponse, outcome: .success,
      errorType: nil, coldStart: false, accepted: accepted, phases: InvocationPhases(), billedMilliseconds: 1, memorySize: .megabytes(128),
      maxMemoryUsed: .megabytes(10), cpuMicroseconds: 1, requestBytes: 2, responseBytes: 3)
  }

  static func log(_ message: String) -> LogRecord {
    LogRecord(function: function, environmentID: "e", requestID: nil, timestamp: 1, source: .stdout, message: message)
  }
}
