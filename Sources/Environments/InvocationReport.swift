import FunctionModel
import NIOCore

/// The numbers of one finished invocation: the REPORT line and the journal's row are made of the same ones.
struct InvocationReport {
  let running: RunningInvocation
  /// Why it ended badly. What befell the environment after the answer is not the invocation's: its caller has a success, or the error it sent.
  /// But extensions that fail, or are not done in time, are told of.
  let fault: InvocationFault?
  let version: FunctionVersion
  let usage: Usage
  private let times: ExecutionEnvironment.Times
  let ended: NIODeadline
  private let streamedBytes: Int
  /// When a streamed response's first part came.
  let responseBegan: NIODeadline?

  init(
    _ running: RunningInvocation, ended: NIODeadline, fault: InvocationFault?, usage: Usage, version: FunctionVersion,
    times: ExecutionEnvironment.Times, streamedBytes: Int = 0, responseBegan: NIODeadline? = nil
  ) {
    self.running = running
    self.ended = ended
    self.streamedBytes = streamedBytes
    self.responseBegan = responseBegan
    self.fault = running.answered == nil || running.awaitsExtensions || fault?.isOfExtension == true ? fault : nil
    self.usage = usage
    self.version = version
    self.times = times
  }

  /// From taking the invocation (a repeated init included) to the next question of the runtime and of all extensions; cut to the timeout.
  var duration: TimeAmount {
    min(ended - running.begun, running.deadline - running.begun)
  }

  var initDuration: TimeAmount? {
    running.isCold && !running.initializesInside && times.initPhaseSucceeded ? times.initialization : nil
  }

  var billedMilliseconds: Int64 {
    (duration.nanoseconds + 999_999) / 1_000_000
  }

  /// `REPORT RequestId: …`, fields parted and ended by tabs.
  var line: String {
    var fields = [
      "REPORT RequestId: \(running.invocation.requestID)",
      "Duration: \(Milliseconds(duration).text) ms",
      "Billed Duration: \(billedMilliseconds) ms",
      "Memory Size: \(version.memory.megabytes) MB",
      "Max Memory Used: \(min(usage.maxMemory.megabytesRoundedUp, version.memory.megabytes)) MB",
    ]
    if let initDuration { fields.append("Init Duration: \(Milliseconds(initDuration).text) ms") }
    if let fault { fields += ["Status: \(fault.reportStatus)", "Error Type: \(fault.errorType)"] }
    return fields.joined(separator: "\t") + "\t"
  }

  func record(environment: String) -> InvocationRecord {
    InvocationRecord(
      requestID: running.invocation.requestID, function: version.function, version: version.version,
      environmentID: environment, type: running.invocation.type, outcome: outcome,
      errorType: running.answered == nil ? fault?.errorType : running.answered?.errorType, coldStart: running.isCold,
      accepted: running.begunWall - (running.begun - running.invocation.accepted).microseconds / 1_000, phases: phases,
      billedMilliseconds: billedMilliseconds, memorySize: version.memory, maxMemoryUsed: usage.maxMemory,
      cpuMicroseconds: max(0, usage.cpuMicroseconds - times.used.cpuMicroseconds),
      requestBytes: Int64(running.invocation.payload.readableBytes), responseBytes: Int64(producedBytes),
      stalls: usage.stalls.since(times.used.stalls))
  }

  var producedBytes: Int { running.answered?.bytes ?? streamedBytes }

  private var outcome: InvocationOutcome {
    if let answered = running.answered { return answered.isError ? .functionError : .success }
    return fault?.outcome ?? .success
  }

  private var phases: InvocationPhases {
    let firstUse = running.isCold && !running.initializesInside
    let sandbox = firstUse ? times.sandboxCreate : running.repeatedSandbox
    var initialization = firstUse ? times.initialization : running.repeatedInit
    // A repeated init that did not end well took all there was.
    if running.initializesInside, running.delivered == nil { initialization = ended - running.begun - sandbox }
    let waited = running.begun - running.invocation.accepted
    let waitedForStart = firstUse ? min(waited, sandbox + initialization) : .zero
    let delivered = running.delivered ?? ended
    let answered = running.answered?.time ?? ended
    return InvocationPhases(
      queue: (waited - waitedForStart).microseconds, sandboxCreate: sandbox.microseconds,
      initialization: initialization.microseconds, invoke: (answered - delivered).microseconds,
      response: (ended - answered).microseconds)
  }
}

/// A duration as log lines print it: milliseconds with two decimals.
struct Milliseconds {
  private let hundredths: Int64

  init(_ amount: TimeAmount) {
    hundredths = (amount.nanoseconds + 5_000) / 10_000
  }

  var text: String {
    let fraction = hundredths % 100
    return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
  }
}

extension TimeAmount {
  /// Whole microseconds.
  var microseconds: Int64 { nanoseconds / 1_000 }
}
