import FoundationEssentials
import FunctionModel
import NIOCore
import NIOPosix
import Testing

@testable import RuntimeAPI

/// The Telemetry and Logs APIs, with a subscriber on this host's loopback.
@Suite(.timeLimit(.minutes(1))) struct TelemetryTests {
  static func put(_ path: String, _ identifier: String, _ body: String) -> String {
    "PUT \(path) HTTP/1.1\r\nHost: sandbox\r\nLambda-Extension-Identifier: \(identifier)\r\n"
      + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  static func telemetry(_ identifier: String, _ destination: String, types: String = #""platform","function","extension""#) -> String {
    put(
      "/2022-07-01/telemetry", identifier,
      #"{"schemaVersion":"2022-12-13","types":[\#(types)],"destination":\#(destination),"buffering":{"timeoutMs":25}}"#)
  }

  static func http(_ port: Int) -> String { #"{"protocol":"HTTP","URI":"http://sandbox.localdomain:\#(port)/in?a=b"}"# }
  static func tcp(_ port: Int) -> String { #"{"protocol":"TCP","port":\#(port)}"# }

  static func line(_ number: Int) -> TelemetryRecord {
    TelemetryRecord(time: 1_769_903_999_123_456, event: .function(.text("line \(number)")))
  }

  static func json(_ number: Int) -> String {
    #"{"time":"2026-01-31T23:59:59.123Z","type":"function","record":"line \#(number)"}"#
  }

  static func register(_ client: inout RawClient, _ name: String) async throws -> String {
    try await client.send(ExtensionsAPITests.register(name, #"{"events":["INVOKE"]}"#))
    return try #require(try await client.response()["Lambda-Extension-Identifier"])
  }

  @Test func `a subscriber over HTTP gets what happened before and after, in order and once`() async throws {
    let subscriber = try await Subscriber()
    try await Sandbox.serving(.sample(["a"])) { sandbox in
      var client = try await sandbox.client()
      let identifier = try await Self.register(&client, "a")
      for number in 1...3 { try await sandbox.record(Self.line(number)) }
      try await client.send(Self.telemetry(identifier, Self.http(subscriber.port), types: #""function""#))
      let answer = try await client.response()
      #expect(answer.status == 200)
      #expect(answer.body == #""OK""#)
      for number in 4...5 { try await sandbox.record(Self.line(number)) }
      var connections = subscriber.connections.makeAsyncIterator()
      var records: [String] = []
      while records.count < 5, let connection = await connections.next() {
        let request = try await connection.request()
        #expect(request.head.hasPrefix("POST /in?a=b HTTP/1.1\r\n"))
        #expect(request.head.contains("\r\nContent-Type: application/json\r\n"))
        records += Self.elements(request.body)
        try await connection.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
      }
      #expect(records == (1...5).map(Self.json))
    }
    try await subscriber.close()
  }

  @Test func `a subscriber over TCP gets a record a line`() async throws {
    let subscriber = try await Subscriber()
    try await Sandbox.serving(.sample(["a"])) { sandbox in
      var client = try await sandbox.client()
      let identifier = try await Self.register(&client, "a")
      try await client.send(Self.telemetry(identifier, Self.tcp(subscriber.port), types: #""function""#))
      _ = try await client.response()
      try await sandbox.record(Self.line(1))
      var connections = subscriber.connections.makeAsyncIterator()
      let connection = try #require(await connections.next())
      try await connection.waits(for: Self.json(1) + "\n")
      try await sandbox.record(Self.line(2))
      try await sandbox.record(Self.line(3))
      try await connection.waits(for: Self.json(2) + "\n" + Self.json(3) + "\n")
    }
    try await subscriber.close()
  }

  @Test func `nothing is sent while the sandbox is frozen, and all of it at the end`() async throws {
    let subscriber = try await Subscriber()
    try await Sandbox.serving(.sample(["a"])) { sandbox in
      var client = try await sandbox.client()
      let identifier = try await Self.register(&client, "a")
      try await client.send(Self.telemetry(identifier, Self.tcp(subscriber.port), types: #""function""#))
      _ = try await client.response()
      try await sandbox.onLoop { $0.holdTelemetry() }
      try await sandbox.record(Self.line(1))
      // Well over the 25 ms after which it would be sent: time is what is tested.
      try await Task.sleep(for: .milliseconds(200))
      #expect(subscriber.accepted == 0)
      try await sandbox.shutDown(.spindown, deadline: 0)
      var connections = subscriber.connections.makeAsyncIterator()
      let connection = try #require(await connections.next())
      try await connection.waits(for: Self.json(1) + "\n")
    }
    try await subscriber.close()
  }

  @Test func `a subscriber that does not read loses records, is told how many, and costs the others nothing`() async throws {
    let (slow, quick) = (try await Subscriber(isReading: false), try await Subscriber())
    try await Sandbox.serving(.sample(["slow", "quick"])) { sandbox in
      var client = try await sandbox.client()
      let types = #""platform","function""#
      for (name, subscriber) in [("slow", slow), ("quick", quick)] {
        let identifier = try await Self.register(&client, name)
        try await client.send(Self.telemetry(identifier, Self.tcp(subscriber.port), types: types))
        #expect(try await client.response().status == 200)
      }
      // 64 of them, 4 MiB, are far beyond what buffers and sockets take.
      let record = TelemetryRecord(time: 0, event: .function(.text(String(repeating: "x", count: 65_536))))
      let size = record.json.utf8.count + 1
      try await sandbox.record(record)
      var connections = quick.connections.makeAsyncIterator()
      let connection = try #require(await connections.next())
      for _ in 2...64 {
        try await sandbox.record(record)
        try await connection.skips(size)
      }
      let held = try await sandbox.onLoop { $0.telemetryBytes }
      #expect(held <= 1 << 20)
      // Each is cut when its time is up, and what it was sent is lost.
      var isTold = false
      for await late in slow.connections {
        late.readOn()
        do { try await late.waits(for: "platform.logsDropped") } catch is Subscriber.Connection.Ended { continue }
        isTold = true
        break
      }
      #expect(isTold)
    }
    try await slow.close()
    try await quick.close()
  }

  @Test func `an answer that never ends is cut short`() async throws {
    let subscriber = try await Subscriber()
    try await Sandbox.serving(.sample(["a"])) { sandbox in
      var client = try await sandbox.client()
      let identifier = try await Self.register(&client, "a")
      try await client.send(Self.telemetry(identifier, Self.http(subscriber.port), types: #""function""#))
      _ = try await client.response()
      try await sandbox.record(Self.line(1))
      var connections = subscriber.connections.makeAsyncIterator()
      let connection = try #require(await connections.next())
      _ = try await connection.request()
      let endless = "HTTP/1.1 302 Found\r\nLocation: /\r\n" + String(repeating: "X-Y: z\r\n", count: 20_000)
      try await connection.answer(endless)
      try await connection.channel.closeFuture.get()
      try await sandbox.record(Self.line(2))
      let second = try #require(await connections.next())
      #expect(Self.elements(try await second.request().body) == [Self.json(2)])
    }
    try await subscriber.close()
  }

  @Test func `a server's failure is asked again, and a subscriber that listens late is found`() async throws {
    let subscriber = try await Subscriber()
    try await Sandbox.serving(.sample(["a"])) { sandbox in
      var client = try await sandbox.client()
      let identifier = try await Self.register(&client, "a")
      try await client.send(Self.telemetry(identifier, Self.http(subscriber.port), types: #""function""#))
      _ = try await client.response()
      try await sandbox.record(Self.line(1))
      var connections = subscriber.connections.makeAsyncIterator()
      for status in ["503 Busy", "200 OK"] {
        let connection = try #require(await connections.next())
        #expect(Self.elements(try await connection.request().body) == [Self.json(1)])
        try await connection.answer("HTTP/1.1 \(status)\r\n\r\n")
      }
    }
    try await subscriber.close()
  }

  @Test func `subscription ends with init`() async throws {
    try await Sandbox.serving { sandbox in
      var client = try await sandbox.client()
      let identifier = try await Self.register(&client, "in")
      try await client.send(ExtensionsAPITests.next(identifier))
      let wanted = try await sandbox.onLoop { $0.wantsTelemetry }
      #expect(wanted)
      var runtime = try await sandbox.client()
      try await runtime.send(Call.next)
      while let told = await sandbox.hears(), told != .ready {}
      let stillWanted = try await sandbox.onLoop { $0.wantsTelemetry }
      #expect(!stillWanted)
      var late = try await sandbox.client()
      try await late.send(Self.telemetry(identifier, Self.tcp(4_000)) + Self.put("/2020-08-15/logs", identifier, "{}"))
      for type in ["Telemetry", "Logs"] {
        let answer = try await late.response()
        #expect(answer.status == 403)
        #expect(answer.body.contains("\"errorType\":\"\(type).SubscriptionClosed\""))
      }
      try await sandbox.deliver(.numbered(1))
      _ = try await runtime.response()
    }
  }

  @Test func `the Logs API has its own records, and is not used beside the other`() async throws {
    let subscriber = try await Subscriber()
    try await Sandbox.serving(.sample(["a", "b"])) { sandbox in
      var client = try await sandbox.client()
      let identifier = try await Self.register(&client, "a")
      for event in [
        TelemetryRecord.Event.restoreRuntimeDone(.init(.success)), .end(requestID: "1"), .fault("broken"), .function(.json("{}")),
      ] {
        try await sandbox.record(TelemetryRecord(time: 0, event: event))
      }
      let body =
        #"{"types":["platform","function"],"destination":\#(Self.http(subscriber.port)),"buffering":{"timeoutMs":25}}"#
      try await client.send(Self.put("/2020-08-15/logs", identifier, body))
      #expect(try await client.response().body == #""OK""#)
      var connections = subscriber.connections.makeAsyncIterator()
      let connection = try #require(await connections.next())
      let records = Self.elements(try await connection.request().body)
      let time = #"{"time":"1970-01-01T00:00:00.000Z","type":"#
      #expect(
        records.prefix(3) == [
          time + #""platform.end","record":{"requestId":"1"}}"#, time + #""platform.fault","record":"broken"}"#,
          time + #""function","record":"{}"}"#,
        ])
      #expect(records.count == 3)
      #expect(await sandbox.hears() == .told(.registered(name: "a")))
      #expect(await sandbox.hears() == .told(.subscribed(.init(name: "a", types: [.platform, .function]), isToLogs: true)))

      let other = try await Self.register(&client, "b")
      try await client.send(Self.telemetry(other, Self.tcp(4_000)))
      let answer = try await client.response()
      #expect(answer.status == 400)
      #expect(answer.body.contains("cannot be used together"))
    }
    try await subscriber.close()
  }

  static func body(_ change: String, of part: String) -> String {
    let parts = [
      "schemaVersion": #""2022-12-13""#, "types": #"["platform"]"#, "destination": tcp(4_000), "buffering": "{}",
    ]
    return "{" + parts.merging([part: change]) { $1 }.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
  }

  static let faults: [(body: String, reason: String)] = [
    ("[]", "body is not the JSON of a subscription"),
    (body(#""2020-08-15""#, of: "schemaVersion"), #"schemaVersion must be one of [\"2022-07-01\", \"2022-12-13\", \"2025-01-29\"]"#),
    (body("[]", of: "types"), "types is missing"),
    (body(#"["logs"]"#, of: "types"), "types may contain platform, function and extension"),
    (body("null", of: "destination"), "destination is missing"),
    (body(#"{"protocol":"UDP","port":1}"#, of: "destination"), "destination.protocol must be HTTP or TCP"),
    (body(tcp(9_001), of: "destination"), "destination.port must be between 1 and 65535, and not 9001"),
    (body(tcp(65_536), of: "destination"), "destination.port must be between 1 and 65535, and not 9001"),
    (body(#"{"maxItems":999}"#, of: "buffering"), "buffering.maxItems must be between 1000 and 10000"),
    (body(#"{"maxBytes":1048577}"#, of: "buffering"), "buffering.maxBytes must be between 262144 and 1048576"),
    (body(#"{"timeoutMs":24}"#, of: "buffering"), "buffering.timeoutMs must be between 25 and 30000"),
    (body(String(repeating: " ", count: 16_384) + "{}", of: "buffering"), "body of more than 16384 bytes"),
  ]

  @Test(arguments: faults) func `a subscription that is none is 400 and says why`(row: (body: String, reason: String)) async throws {
    try await Sandbox.serving { sandbox in
      var client = try await sandbox.client()
      let identifier = try await Self.register(&client, "in")
      try await client.send(Self.put("/2022-07-01/telemetry", identifier, row.body))
      let answer = try await client.response()
      #expect(answer.status == 400)
      #expect(answer.body == "{\"errorMessage\":\"\(row.reason)\",\"errorType\":\"ValidationError\"}\n")
    }
  }

  @Test(arguments: [
    "http://example.com:80/", "https://sandbox:80/", "http://sandbox:9001/", "http://sandbox:0/", "http://sandbox:80:80/",
    "http://sandbox:4000/a b", "http://sandbox:4000/a\\r\\nX: y", "http://user@sandbox:4000/",
  ]) func `only the sandbox's own names can be sent to`(uri: String) {
    let body = Data(Self.body(#"{"protocol":"HTTP","URI":"\#(uri)"}"#, of: "destination").utf8)
    var fault: SubscriptionFault?
    do throws(SubscriptionFault) { _ = try TelemetrySubscription(.telemetry, body: body) } catch { fault = error }
    #expect(fault == SubscriptionFault("destination.URI must be http://sandbox.localdomain:PORT/path"))
  }

  /// The elements of an array of records, none of which has `},{` inside.
  static func elements(_ array: String) -> [String] {
    let inside = array.dropFirst().dropLast()
    let parts = inside.split(separator: "},{\"time\"", omittingEmptySubsequences: false)
    return parts.enumerated().map { (index, part) in
      (index == 0 ? "" : "{\"time\"") + part + (index == parts.count - 1 ? "" : "}")
    }
  }
}

extension Sandbox {
  func record(_ record: TelemetryRecord) async throws {
    try await onLoop { $0.record(record) }
  }

  @discardableResult func onLoop<Value: Sendable>(_ body: @escaping @Sendable (RuntimeAPIServer) -> Value) async throws -> Value {
    try await eventLoop.submit { [server] in body(server) }.get()
  }
}
