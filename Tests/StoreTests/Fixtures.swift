import FoundationEssentials
import FunctionModel
import Testing

@testable import Store

/// Calls `body` with a new folder, which is removed afterwards, pass or fail.
func withTemporaryFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
  let path = FileManager.default.temporaryDirectory.path + "/roost-store-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  let result: Result<Value, any Error>
  do { result = .success(try await body(path)) } catch { result = .failure(error) }
  try FileManager.default.removeItem(atPath: path)
  return try result.get()
}

let owner = Owner(account: "000000000000", region: "us-east-1")

func functionID(_ name: String) -> FunctionID { FunctionID(owner: owner, name: name) }
func layerID(_ name: String) -> LayerID { LayerID(owner: owner, name: name) }

func digest(_ digit: Character) -> ContentDigest {
  guard let digest = ContentDigest(String(repeating: digit, count: 64)) else { preconditionFailure("a hexadecimal digit") }
  return digest
}

func artifact(_ digit: Character) -> CodeArtifact {
  CodeArtifact(digest: digest(digit), zippedBytes: 10, unzippedBytes: 20)
}

func configuration(_ name: String, state: FunctionState = .active, code: Character = "a") -> FunctionConfiguration {
  guard let runtime = Runtime("python3.11") else { preconditionFailure("a runtime identifier") }
  return FunctionConfiguration(
    id: functionID(name), runtime: runtime, handler: "app.handler", role: "arn:aws:iam::000000000000:role/any",
    environment: ["TABLE": "örders"],
    layers: [LayerReference(arn: layerID("base").arn(version: 3), code: artifact("b"))], tags: ["team": "a"],
    code: artifact(code), state: state, lastUpdate: state == .pending ? nil : .successful, revisionID: "first",
    lastModified: 1_700_000_000_000, echoed: ["VpcConfig": "{}"])
}

func layerVersion(_ id: LayerID, _ number: Int, code: Character = "c") -> LayerVersion {
  LayerVersion(
    id: id, version: number, description: "number \(number)", licenseInfo: nil, compatibleRuntimes: ["python3.11"],
    compatibleArchitectures: [], code: artifact(code), created: 1)
}

func invocation(_ requestID: String, function: String = "f", accepted: Int64, environment: String? = "e") -> InvocationRecord {
  InvocationRecord(
    requestID: requestID, function: functionID(function), version: "$LATEST", environmentID: environment, type: .requestResponse,
    outcome: .timeout, errorType: "Sandbox.Timedout", coldStart: true, accepted: accepted,
    phases: InvocationPhases(queue: 1, sandboxCreate: 2, initialization: 3, invoke: 4, response: 5), billedMilliseconds: 6,
    memorySize: .megabytes(128), maxMemoryUsed: .megabytes(40), cpuMicroseconds: 7, requestBytes: 8, responseBytes: 9,
    stalls: ResourceStalls(
      throttledPeriods: 10, throttledMicroseconds: 11, refusedProcesses: 12, cpuPressureMicroseconds: 13, memoryPressureMicroseconds: nil,
      ioPressureMicroseconds: 15))
}

func environment(_ id: String, function: String = "f", started: Int64, ended: Int64? = nil) -> EnvironmentRecord {
  EnvironmentRecord(
    id: id, function: functionID(function), version: "$LATEST", revision: "r", logStream: "2026/11/23/[$LATEST]\(id)",
    memorySize: .megabytes(128), started: started, ended: ended, endReason: ended == nil ? nil : "idle", sandboxCreate: 11,
    initialization: nil, invocations: 2)
}

func line(_ message: String, function: String = "f", environment: String = "e", timestamp: Int64 = 1) -> LogRecord {
  LogRecord(
    function: functionID(function), environmentID: environment, requestID: "r", timestamp: timestamp, source: .stdout, message: message)
}

extension JournalRetention {
  /// For records of a time long gone.
  static let forever = JournalRetention(age: .seconds(Int64.max))
}

extension Journal {
  func append(_ record: InvocationRecord) { append(.invocation(record)) }
  func append(_ record: EnvironmentRecord) { append(.environment(record)) }
  func append(_ record: LogRecord) { append(.log(record)) }
}

/// Milliseconds since 1970.
func present() -> Int64 { currentMilliseconds() }
