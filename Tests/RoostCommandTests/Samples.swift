import FoundationEssentials
import FunctionModel

/// Values as a daemon would answer them.
enum Samples {
  static let function = FunctionID(owner: Owner(account: "000000000000", region: "us-east-1"), name: "thumbnails")
  /// 2026-11-23 13:05:09.042 UTC.
  static let noon: Int64 = 1_795_439_109_042

  static let frozen = EnvironmentStatus(
    id: "6f1c2a90-4a55-4d2e-9a43-0f6f3a1e77b1", function: function, version: "$LATEST", state: .frozen,
    memorySize: .megabytes(256), memoryUsed: MemorySize(bytes: 62_123_456), maxMemoryUsed: MemorySize(bytes: 70_254_592),
    cpuMicroseconds: 183_211, started: noon - 754_000, lastUsed: noon - 42_500, invocations: 17,
    logStream: "2026/11/23/[$LATEST]6f1c2a904a554d2e9a430f6f3a1e77b1", hostUserID: 200_017, hostProcessID: 4_711,
    currentRequestID: nil)

  static let running = EnvironmentStatus(
    id: "a03be1d4-1f0f-4c0c-8f6e-7a1b0c5d9e22", function: function, version: "$LATEST", state: .running,
    memorySize: .megabytes(10_240), memoryUsed: nil, maxMemoryUsed: nil, cpuMicroseconds: 912, started: noon - 187_000_000,
    lastUsed: noon - 12, invocations: 20_311, logStream: "2026/11/21/[$LATEST]a03be1d41f0f4c0c8f6e7a1b0c5d9e22",
    hostUserID: 200_018, hostProcessID: 4_712, currentRequestID: "0b2f7e0e-6a7f-4dd6-8f0a-3a1f0a6f1c11")

  static let cold = InvocationRecord(
    requestID: "8e0c7b0a-93a3-4f53-8f55-2f5c7d1a0001", function: function, version: "$LATEST", environmentID: frozen.id,
    type: .requestResponse, outcome: .success, errorType: nil, coldStart: true, accepted: noon,
    phases: InvocationPhases(queue: 12, sandboxCreate: 1_940, initialization: 61_200, invoke: 3_104, response: 412),
    billedMilliseconds: 65, memorySize: .megabytes(256), maxMemoryUsed: .megabytes(67), cpuMicroseconds: 58_040,
    requestBytes: 120, responseBytes: 4_301)

  static let timedOut = InvocationRecord(
    requestID: "51d20f6e-93a3-4f53-8f55-2f5c7d1a0002", function: function, version: "$LATEST", environmentID: frozen.id,
    type: .requestResponse, outcome: .timeout, errorType: "Sandbox.Timedout", coldStart: false, accepted: noon + 1_000,
    phases: InvocationPhases(queue: 4, invoke: 3_000_120), billedMilliseconds: 3_000, memorySize: .megabytes(256),
    maxMemoryUsed: .megabytes(67), cpuMicroseconds: 2_910_000, requestBytes: 2, responseBytes: 0,
    stalls: ResourceStalls(
      throttledPeriods: 148, throttledMicroseconds: 2_561_000, refusedProcesses: 12, cpuPressureMicroseconds: 2_601_000,
      memoryPressureMicroseconds: 0, ioPressureMicroseconds: 412))

  static let throttled = InvocationRecord(
    requestID: "c4d5e6f7-93a3-4f53-8f55-2f5c7d1a0003", function: function, version: "$LATEST", environmentID: nil,
    type: .requestResponse, outcome: .throttled, errorType: "TooManyRequestsException", coldStart: false, accepted: noon + 2_000,
    phases: InvocationPhases(), billedMilliseconds: 0, memorySize: .megabytes(256), maxMemoryUsed: MemorySize(bytes: 0),
    cpuMicroseconds: 0, requestBytes: 2, responseBytes: 0)

  static let record = EnvironmentRecord(
    id: frozen.id, function: function, version: "$LATEST", revision: "5b0f6c1e-0000-4000-8000-000000000001",
    logStream: frozen.logStream, memorySize: .megabytes(256), started: frozen.started, ended: nil, endReason: nil,
    sandboxCreate: 1_940, initialization: 61_200, invocations: 17)

  static let logs = [
    LogRecord(
      function: function, environmentID: frozen.id, requestID: cold.requestID, timestamp: noon * 1_000 + 250, source: .platform,
      message: "START RequestId: \(cold.requestID) Version: $LATEST"),
    LogRecord(
      function: function, environmentID: frozen.id, requestID: cold.requestID, timestamp: noon * 1_000 + 1_250, source: .stdout,
      message: "resized 3 images"),
  ]

  static func json(_ value: some Encodable) throws -> String {
    String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
  }
}
