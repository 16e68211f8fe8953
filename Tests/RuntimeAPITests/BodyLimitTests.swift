import FunctionModel
import NIOCore
import Testing

@testable import RuntimeAPI

@Suite(.timeLimit(.minutes(1))) struct BodyLimitTests {
  static let event = RuntimeEvent.numbered(1)
  static let tooLarge =
    "{\"errorMessage\":\"Exceeded maximum allowed payload size (6291556 bytes).\",\"errorType\":\"RequestEntityTooLarge\"}\n"

  enum Framing: String, CaseIterable {
    case length, chunks

    func head(_ path: String, _ size: Int) -> String {
      "POST /2018-06-01/runtime/\(path) HTTP/1.1\r\n"
        + (self == .length ? "Content-Length: \(size)\r\n\r\n" : "Transfer-Encoding: chunked\r\n\r\n")
    }

    /// `size` bytes, in chunks that are not a divisor of the limit.
    func body(_ size: Int) -> ByteBuffer {
      var buffer = ByteBuffer()
      var left = size
      while left > 0 {
        let part = self == .length ? left : min(left, 100_003)
        if self == .chunks { buffer.writeString("\(String(part, radix: 16))\r\n") }
        buffer.writeRepeatingByte(UInt8(ascii: "x"), count: part)
        if self == .chunks { buffer.writeString("\r\n") }
        left -= part
      }
      if self == .chunks { buffer.writeString("0\r\n\r\n") }
      return buffer
    }
  }

  @Test(arguments: Framing.allCases, ["response", "error"])
  func `6291556 bytes pass and one more does not`(framing: Framing, call: String) async throws {
    try await Sandbox.serving { sandbox in
      var client = try await sandbox.client()
      let limit = Limits.runtimePayloadBytes
      #expect(limit == 6_291_556)
      for (number, size) in [limit, limit + 1, limit].enumerated() {
        let event = RuntimeEvent.numbered(number)
        try await sandbox.deliver(event)
        try await client.send(Call.next)
        #expect(try await client.response()["Lambda-Runtime-Aws-Request-Id"] == event.requestID)
        try await client.send(framing.head("invocation/\(event.requestID)/\(call)", size))
        try await client.send(framing.body(size))
        let response = try await client.response()
        #expect(response.statusLine == (size > limit ? "HTTP/1.1 413 Payload Too Large" : "HTTP/1.1 202 Accepted"))
        #expect(response.body == (size > limit ? Self.tooLarge : "{\"status\":\"OK\"}\n"))
        let body = String(buffer: ByteBuffer(repeating: UInt8(ascii: "x"), count: size))
        let whole: Told = call == "response" ? .response(body, contentType: nil) : .error(body, type: "Runtime.Unknown")
        #expect(await sandbox.hears() == (size > limit ? .tooLarge : whole))
      }
    }
  }

  @Test func `a body that nobody wants is drained and the connection stays`() async throws {
    try await Sandbox.serving { sandbox in
      var client = try await sandbox.client()
      for path in ["invocation/unknown/response", "invocation/next", "restore/error"] {
        try await client.send(Framing.chunks.head(path, 20_000_000))
        try await client.send(Framing.chunks.body(20_000_000))
        #expect([400, 404, 405].contains(try await client.response().status))
      }
    }
  }

  @Test func `an init error over the limit still counts`() async throws {
    try await Sandbox.serving { sandbox in
      var client = try await sandbox.client()
      try await client.send(Framing.length.head("init/error", Limits.runtimePayloadBytes + 1))
      try await client.send(Framing.length.body(Limits.runtimePayloadBytes + 1))
      #expect(try await client.response().status == 413)
      #expect(await sandbox.hears() == .initError(#""Invalid error body""#, type: "Runtime.Unknown"))
    }
  }

  @Test func `an event of the full size arrives whole`() async throws {
    try await Sandbox.serving { sandbox in
      let payload = String(buffer: ByteBuffer(repeating: UInt8(ascii: "p"), count: Limits.runtimePayloadBytes))
      var client = try await sandbox.client()
      try await client.send(Call.next.replacing("Host:", with: "Connection: close\r\nHost:"))
      #expect(await sandbox.hears() == .ready)
      try await sandbox.deliver(.numbered(1, payload: payload))
      #expect(try await client.response().body == payload)
      #expect(await client.rest() == "")
    }
  }

  @Test func `only one answer is taken in at a time`() async throws {
    try await Sandbox.serving { sandbox in
      try await sandbox.deliver(Self.event)
      var (one, two) = (try await sandbox.client(), try await sandbox.client())
      try await one.send(Call.next)
      #expect(try await one.response().status == 200)
      try await one.send(Framing.length.head("invocation/\(Self.event.requestID)/response", 3) + "ab")
      try await RuntimeAPITableTests.expectParked(one, sandbox)
      try await two.send(Call.response(Self.event, "second"))
      #expect(try await two.response().body == RuntimeAPITableTests.transition("InvocationResponse", "InvocationResponse"))
      try await two.send(Call.next)
      #expect(try await two.response().body == RuntimeAPITableTests.transition("InvocationResponse", "Ready"))
      try await one.send("c")
      #expect(try await one.response().status == 202)
      #expect(await sandbox.hears() == .response("abc", contentType: nil))
    }
  }
}
