import Dispatch
import Glibc
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import RuntimeAPI

/// State belongs to the sandbox; connections come, go and break.
@Suite(.timeLimit(.minutes(1))) struct ConnectionLifeTests {
  static let event = RuntimeEvent.numbered(1)

  @Test func `a waiter that closed loses no event`() async throws {
    try await Sandbox.serving { sandbox in
      let gone = try await sandbox.client()
      try await gone.send(Call.next)
      #expect(await sandbox.hears() == .ready)
      try await gone.close()
      try await RuntimeAPITableTests.expectParked(gone, sandbox)
      try await sandbox.deliver(Self.event)
      var client = try await sandbox.client()
      try await client.send(Call.next)
      #expect(try await client.response()["Lambda-Runtime-Aws-Request-Id"] == Self.event.requestID)
    }
  }

  /// The close and the event race for the server's loop; whichever it sees first, the event is there for who asks.
  @Test(arguments: 0..<20) func `an event that meets a closing connection can still be had`(round: Int) async throws {
    try await Sandbox.serving { sandbox in
      let gone = try await sandbox.client()
      try await gone.send(Call.next)
      #expect(await sandbox.hears() == .ready)
      let peer = gone.channel
      async let closed: Void = peer.close()
      try await sandbox.deliver(Self.event)
      try await closed
      var client = try await sandbox.client()
      try await client.send(Call.next)
      #expect(try await client.response()["Lambda-Runtime-Aws-Request-Id"] == Self.event.requestID)
    }
  }

  @Test func `an event that a dead connection did not read goes to the next waiter`() async throws {
    try await Sandbox.serving { sandbox in
      let gone = try await sandbox.client()
      try await gone.send(Call.next)
      #expect(await sandbox.hears() == .ready)
      var waiter = try await sandbox.client()
      try await waiter.send(Call.next)
      try await RuntimeAPITableTests.expectParked(waiter, sandbox)
      // The server's loop is held until the peer is gone, so that it writes to a connection whose end it has not seen.
      let held = sandbox.eventLoop.makePromise(of: Void.self)
      let (server, event, peer) = (sandbox.server, Self.event, gone.channel)
      let isGone = DispatchSemaphore(value: 0)
      sandbox.eventLoop.execute {
        isGone.wait()
        server.deliver(event)
        held.succeed()
      }
      peer.closeFuture.whenComplete { _ in isGone.signal() }
      peer.close(promise: nil)
      try await held.futureResult.get()
      #expect(try await waiter.response()["Lambda-Runtime-Aws-Request-Id"] == Self.event.requestID)
    }
  }

  @Test func `curl and ruby open a connection for every call`() async throws {
    try await Sandbox.serving { sandbox in
      for number in 1...20 {
        let event = RuntimeEvent.numbered(number)
        var next = try await sandbox.client()
        try await next.send(Call.next)
        #expect(await sandbox.hears() == .ready)
        try await sandbox.deliver(event)
        #expect(try await next.response().status == 200)
        try await next.close()
        var answer = try await sandbox.client()
        try await answer.send(Call.response(event, "\(number)"))
        #expect(try await answer.response().status == 202)
        try await answer.close()
        #expect(await sandbox.hears() == .response("\(number)", contentType: nil))
      }
    }
  }

  @Test func `connections beyond the limit are refused and room is made when one ends`() async throws {
    try await Sandbox.serving { sandbox in
      var clients: [RawClient] = []
      for _ in 0..<RuntimeSession.connectionLimit {
        var client = try await sandbox.client()
        try await RuntimeAPITableTests.expectStillAnswers(&client)
        clients.append(client)
      }
      var surplus = try await sandbox.client()
      #expect(await surplus.rest() == "")
      var last = clients.removeLast()
      try await last.send("GET /2018-06-01/ping HTTP/1.1\r\nConnection: close\r\n\r\n")
      _ = await last.rest()
      try await last.close()
      try await RuntimeAPITableTests.expectStillAnswers(&clients[0])
      var next = try await sandbox.client()
      try await RuntimeAPITableTests.expectStillAnswers(&next)
    }
  }

  @Test func `after an invalid response mode every connection ends and none is taken`() async throws {
    try await Sandbox.serving { sandbox in
      try await sandbox.deliver(Self.event)
      var (client, idle) = (try await sandbox.client(), try await sandbox.client())
      try await RuntimeAPITableTests.expectStillAnswers(&idle)
      try await client.send(Call.next)
      #expect(try await client.response().status == 200)
      try await client.send(Call.response(Self.event, "x", "Lambda-Runtime-Function-Response-Mode: fast\r\n"))
      #expect(try await client.response().status == 400)
      #expect(await sandbox.hears() == .invalidResponseMode)
      #expect(await client.rest() == "")
      #expect(await idle.rest() == "")
      var late = try await sandbox.client()
      #expect(await late.rest() == "")
    }
  }

  @Test func `close ends the listener and a waiting next, and a late event is dropped`() async throws {
    try await Sandbox.serving { sandbox in
      var client = try await sandbox.client()
      try await client.send(Call.next)
      #expect(await sandbox.hears() == .ready)
      try await sandbox.close()
      try await sandbox.deliver(Self.event)
      #expect(await client.rest() == "")
      let port = sandbox.port
      await #expect(throws: (any Error).self) { _ = try await RawClient(port: port) }
    }
  }

  @Test func `a descriptor that is no socket is refused`() async throws {
    let descriptor = dup(STDERR_FILENO)
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let (_, continuation) = AsyncStream.makeStream(of: Told.self)
    await #expect(throws: IOError.self) {
      _ = try await RuntimeAPIServer.serve(
        listener: descriptor, on: loop, delegate: RecordingDelegate(continuation), function: .sample(),
        subscribers: LoopbackListener.connect, logger: Logger(label: "test")
      ).get()
    }
  }
}
