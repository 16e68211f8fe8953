/// The quotas of AWS Lambda that Roost enforces, in one place.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
package enum Limits {
  package static let memory = 128...10_240  // MB
  package static let timeout = 1...900  // seconds
  package static let ephemeralStorage = 512...10_240  // MB
  package static let layers = 5
  package static let environmentBytes = 4_096
  package static let zippedCodeBytes = 52_428_800
  package static let unzippedCodeBytes = 262_144_000
  package static let createFunctionBodyBytes = 70_167_211
  /// Payload of a synchronous request as the front API states it.
  package static let synchronousPayloadBytes = 6_291_456
  /// Request and response as the Runtime API enforces them: 6 MiB and 100 bytes.
  package static let runtimePayloadBytes = 6_291_556
  /// Payload of an `Event` invocation.
  package static let asynchronousPayloadBytes = 1_048_576
  /// A response that is streamed to its caller: 200 MiB.
  package static let streamedResponseBytes = 209_715_200
  package static let clientContextBytes = 3_583
  package static let initPhase: Duration = .seconds(10)
  package static let logTailBytes = 4_096
  /// Output of one invocation, or of one init, that goes to the log. (Lambda's log service takes more, and sends a bill.)
  package static let invocationLogBytes = 8 << 20
  package static let processes = 1_024
  /// Memory that buys one full CPU.
  package static let megabytesPerCPU = 1_769
}
