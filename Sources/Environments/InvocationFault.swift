import FunctionModel
import NIOCore
import RuntimeAPI
import SpawnProtocol

/// Why an invocation or an init ended badly, other than by an error that the function itself answered.
enum InvocationFault: Sendable {
  /// The runtime ended by itself.
  case exited(ExitStatus)
  case outOfMemory
  /// The function's timeout, in seconds.
  case timedOut(seconds: Int)
  /// The init phase took longer than its ten seconds.
  case initTimedOut
  /// There is no program to start, or it cannot be executed.
  case invalidEntrypoint
  /// The runtime posted to `/runtime/init/error`.
  case initError(payload: ByteBuffer, type: String)
  case invalidResponseMode
  /// A streamed response broke off.
  case truncatedResponse
  /// An extension did not start, failed or ended.
  case `extension`(ExtensionFault)
  /// The host took the sandbox away.
  case stopped

  /// As platform records and the caller's payload name it.
  var errorType: String {
    switch self {
    case .exited: "Runtime.ExitError"
    case .outOfMemory: "Runtime.OutOfMemory"
    case .timedOut, .initTimedOut: "Sandbox.Timedout"
    case .invalidEntrypoint: "Runtime.InvalidEntrypoint"
    case .initError(_, let type): type
    case .invalidResponseMode: "Runtime.InvalidResponseModeHeader"
    case .truncatedResponse: "Runtime.TruncatedResponse"
    case .extension(let fault): fault.errorType
    case .stopped: "Sandbox.Failure"
    }
  }

  var outcome: InvocationOutcome {
    switch self {
    case .exited, .invalidResponseMode, .truncatedResponse, .extension: .crash
    case .outOfMemory: .outOfMemory
    case .timedOut: .timeout
    case .initTimedOut, .invalidEntrypoint, .initError: .initError
    case .stopped: .interrupted
    }
  }

  /// `Status` of REPORT and INIT_REPORT.
  var reportStatus: String {
    switch self {
    case .timedOut, .initTimedOut: "timeout"
    case .exited, .outOfMemory, .invalidEntrypoint, .initError, .invalidResponseMode, .truncatedResponse, .extension,
      .stopped:
      "error"
    }
  }

  /// What the extensions of the sandbox that it ends are told.
  var shutdownReason: ShutdownReason {
    switch self {
    case .timedOut, .initTimedOut: .timeout
    case .exited, .outOfMemory, .invalidEntrypoint, .initError, .invalidResponseMode, .truncatedResponse, .extension: .failure
    case .stopped: .spindown
    }
  }

  /// Whether it is the extensions' and not the runtime's.
  var isOfExtension: Bool {
    if case .extension = self { true } else { false }
  }

  /// The message without its `RequestId: … Error: `.
  var message: String {
    switch self {
    case .exited(.code(0)): "Runtime exited without providing a reason"
    case .exited(.code(let code)): "Runtime exited with error: exit status \(code)"
    case .exited(.signal(let number)): "Runtime exited with error: signal: \(signalName(number))"
    case .outOfMemory: "Runtime exited with error: signal: killed"
    case .timedOut(let seconds): "Task timed out after \(seconds).00 seconds"
    case .initTimedOut: "Task timed out after 10.00 seconds"
    case .invalidEntrypoint: "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap /var/runtime/bootstrap]"
    case .initError(_, let type): "Runtime failed to initialize: \(type)"
    case .invalidResponseMode: "Invalid function response mode"
    case .truncatedResponse: "Response was truncated"
    case .extension(let fault): fault.message
    case .stopped: "The execution environment was stopped"
    }
  }

  /// What the caller gets, with `X-Amz-Function-Error: Unhandled`.
  func payload(requestID: String) -> ByteBuffer {
    if case .initError(let payload, _) = self { return payload }
    return ByteBuffer(string: #"{"errorType":"\#(errorType)","errorMessage":"RequestId: \#(requestID) Error: \#(message)"}"#)
  }

  /// Lines that go to the log between START and END.
  func logLines(requestID: String, now: String) -> [String] {
    switch self {
    case .timedOut: ["\(now) \(requestID) \(message)"]
    case .initError: []
    case .exited, .outOfMemory, .initTimedOut, .invalidEntrypoint, .invalidResponseMode, .truncatedResponse, .extension, .stopped:
      ["RequestId: \(requestID) Error: \(message)", errorType]
    }
  }
}

/// Why an extension ended an init or an invocation; who wrote it is to be found in the log.
enum ExtensionFault: Sendable {
  /// It could not be executed.
  case notStarted(name: String, errno: Int32)
  case ended(ExitStatus)
  /// It told so: `type` is `Extension.InitError` or `Extension.ExitError`, `sent` the type that it gave itself.
  case failed(type: String, sent: String)
  /// More than may be.
  case tooMany(Int)

  var errorType: String {
    switch self {
    case .notStarted: "Extension.LaunchError"
    case .ended: "Extension.Crash"
    case .failed(let type, _): type
    case .tooMany: "Extension.InitError"
    }
  }

  fileprivate var message: String {
    switch self {
    case .notStarted(let name, let errno): "fork/exec /opt/extensions/\(name): \(errorText(errno))".jsonSafe
    case .ended(.code(0)): "exit code 0"
    case .ended(.code(let code)): "exit status \(code)"
    case .ended(.signal(let number)): "signal: \(signalName(number))"
    case .failed(_, let sent): sent.jsonSafe
    case .tooMany(let count): "\(count) extensions in /opt/extensions, at most 10 may be started"
    }
  }
}

extension String {
  /// Without what would have to be escaped in JSON: for names that a tenant chose.
  var jsonSafe: String {
    String(unicodeScalars.map { $0.value < 0x20 || $0 == "\"" || $0 == "\\" ? "?" : Character($0) })
  }
}

/// The errors of execve(2) as Go words them.
private func errorText(_ errno: Int32) -> String {
  switch errno {
  case 1: "operation not permitted"
  case 2: "no such file or directory"
  case 8: "exec format error"
  case 11: "resource temporarily unavailable"
  case 12: "cannot allocate memory"
  case 13: "permission denied"
  case 20: "not a directory"
  case 26: "text file busy"
  case 40: "too many levels of symbolic links"
  default: "errno \(errno)"
  }
}

/// Signals as Go names them, whose words Lambda's messages use.
private func signalName(_ number: Int32) -> String {
  switch number {
  case 1: "hangup"
  case 2: "interrupt"
  case 3: "quit"
  case 4: "illegal instruction"
  case 5: "trace/breakpoint trap"
  case 6: "aborted"
  case 7: "bus error"
  case 8: "floating point exception"
  case 9: "killed"
  case 10: "user defined signal 1"
  case 11: "segmentation fault"
  case 12: "user defined signal 2"
  case 13: "broken pipe"
  case 14: "alarm clock"
  case 15: "terminated"
  default: "signal \(number)"
  }
}
