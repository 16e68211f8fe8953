import FunctionModel
import Testing

/// Records as AWS's schema has them: member names, their order, and how numbers are written.
struct TelemetryRecordTests {
  private static let time: Int64 = 1_769_903_999_123_456
  private static let function = FunctionID(owner: Owner(account: "000000000000", region: "us-east-1"), name: "hello")
  private static let tracing = TelemetryRecord.Tracing(value: "Root=1-2-3;Sampled=1")

  private static let goldens: [(TelemetryRecord.Event, String)] = [
    (
      .initStart(
        .init(
          phase: .initialization, runtimeVersion: "python:3.13.v11", runtimeVersionARN: "arn:aws:lambda:us-east-1::runtime:ab",
          function: function, version: "$LATEST", instanceID: "2026/01/31/[$LATEST]00", memory: .megabytes(128))),
      #""platform.initStart","record":{"initializationType":"on-demand","phase":"init","runtimeVersion":"python:3.13.v11","#
        + #""runtimeVersionArn":"arn:aws:lambda:us-east-1::runtime:ab","functionName":"hello","#
        + #""functionArn":"arn:aws:lambda:us-east-1:000000000000:function:hello","functionVersion":"$LATEST","#
        + #""instanceId":"2026/01/31/[$LATEST]00","instanceMaxMemory":134217728}"#
    ),
    (
      .initRuntimeDone(.init(phase: .invoke, outcome: .init(.error, errorType: "Runtime.ExitError"))),
      #""platform.initRuntimeDone","record":{"initializationType":"on-demand","phase":"invoke","status":"error","#
        + #""errorType":"Runtime.ExitError"}"#
    ),
    (
      .initReport(.init(phase: .initialization, outcome: .init(.success), duration: .microseconds(110_100))),
      #""platform.initReport","record":{"initializationType":"on-demand","phase":"init","status":"success","#
        + #""metrics":{"durationMs":110.1}}"#
    ),
    (.restoreRuntimeDone(.init(.success)), #""platform.restoreRuntimeDone","record":{"status":"success"}"#),
    (
      .restoreReport(.init(.timeout, errorType: "Runtime.RestoreHookUserTimeout"), duration: .seconds(10)),
      #""platform.restoreReport","record":{"status":"timeout","errorType":"Runtime.RestoreHookUserTimeout","#
        + #""metrics":{"durationMs":10000}}"#
    ),
    (
      .start(.init(requestID: "id", version: "7", tracing: tracing, tenantID: "t")),
      #""platform.start","record":{"requestId":"id","version":"7","#
        + #""tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-2-3;Sampled=1"},"tenantId":"t"}"#
    ),
    (
      .runtimeDone(
        .init(
          requestID: "id", outcome: .init(.success), duration: .nanoseconds(3_012_999), producedBytes: 0,
          spans: [.init("responseLatency", start: time, duration: .microseconds(500))])),
      #""platform.runtimeDone","record":{"requestId":"id","status":"success","metrics":{"durationMs":3.012,"producedBytes":0},"#
        + #""spans":[{"name":"responseLatency","start":"2026-01-31T23:59:59.123Z","durationMs":0.5}]}"#
    ),
    (
      .report(
        .init(
          requestID: "id", outcome: .init(.timeout, errorType: "Sandbox.Timedout"),
          metrics: .init(
            duration: .milliseconds(3000), billedMilliseconds: 3000, memorySize: .megabytes(128),
            maxMemoryUsed: MemorySize(bytes: 37_000_000), initDuration: .microseconds(1)))),
      #""platform.report","record":{"requestId":"id","status":"timeout","errorType":"Sandbox.Timedout","metrics":{"durationMs":3000,"#
        + #""billedDurationMs":3000,"memorySizeMB":128,"maxMemoryUsedMB":36,"initDurationMs":0.001}}"#
    ),
    (
      .extension(.init(name: "agent", state: "Ready", events: ["INVOKE", "SHUTDOWN"])),
      #""platform.extension","record":{"name":"agent","state":"Ready","events":["INVOKE","SHUTDOWN"]}"#
    ),
    (
      .telemetrySubscription(.init(name: "agent", types: [.platform, .function, .extension])),
      #""platform.telemetrySubscription","record":{"name":"agent","state":"Subscribed","types":["platform","function","extension"]}"#
    ),
    (
      .logsSubscription(.init(name: "agent", types: [])),
      #""platform.logsSubscription","record":{"name":"agent","state":"Subscribed","types":[]}"#
    ),
    (
      .logsDropped(.init(bytes: 12, records: 3, reason: "slow")),
      #""platform.logsDropped","record":{"droppedBytes":12,"droppedRecords":3,"reason":"slow"}"#
    ),
    (.end(requestID: "id"), #""platform.end","record":{"requestId":"id"}"#),
    (.fault("it \"broke\""), #""platform.fault","record":"it \"broke\"""#),
    (.function(.text("two\nlines\t\u{1}\\ ü")), #""function","record":"two\nlines\t\u0001\\ ü""#),
    (.function(.json(#"{"level":"INFO"}"#)), #""function","record":{"level":"INFO"}"#),
    (.extensionOutput(.text("")), #""extension","record":"""#),
  ]

  @Test(arguments: goldens) func `a record is written as its schema says`(_ event: TelemetryRecord.Event, _ expected: String) {
    let record = TelemetryRecord(time: Self.time, event: event)
    #expect(record.json == #"{"time":"2026-01-31T23:59:59.123Z","type":"# + expected + "}")
    var bytes = Array("[".utf8)
    record.encode(into: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == "[" + record.json)
  }

  @Test func `a record belongs to the category that its type names`() {
    for (event, _) in Self.goldens {
      let record = TelemetryRecord(time: 0, event: event)
      #expect(record.type.split(separator: ".").first.map(String.init) == record.category.rawValue)
    }
  }
}
