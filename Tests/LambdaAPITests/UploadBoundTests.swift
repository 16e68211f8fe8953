import FunctionModel
import Testing

@testable import LambdaAPI

/// Uploads wait for their turn in memory: not any number of them.
@Suite struct UploadBoundTests {
  @Test func `one upload too many is told to come again, before its body is read`() async throws {
    try await TestServer.with { server in
      let service = server.service
      var waiting = try (0..<UploadsInHand.maximumCount).map { _ in try service.uploads.begin() }
      try await RawConnection.with(port: server.port) { connection in
        try await connection.send("POST /2015-03-31/functions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        let refusal = try await connection.reply()
        #expect(refusal.status == 429 && refusal.errorType == "TooManyRequestsException" && refusal.message == "Rate Exceeded.")
        #expect(refusal.json["Reason"]?.string == "CallerRateLimitExceeded" && refusal.fields["retry-after"] == "5")
      }
      // What is no upload is not refused, and one that ends makes room.
      try await RawConnection.with(port: server.port) { connection in
        let list = try await connection.request("GET", "/2015-03-31/functions")
        #expect(list.status == 200)
      }
      waiting[0].end()
      try await RawConnection.with(port: server.port) { connection in
        let created = try await Deployment.create("hello", over: &connection)
        #expect(created.status == 201)
      }
      try await RawConnection.with(port: server.port) { connection in
        let created = try await Deployment.create("again", over: &connection)
        #expect(created.status == 201, "the one before is not in hand any more")
      }
    }
  }

  @Test func `bytes are counted as they come, and given back`() throws {
    let uploads = UploadsInHand()
    var first = try uploads.begin()
    var second = try uploads.begin()
    try first.add(bytes: UploadsInHand.maximumBytes - 10)
    try second.add(bytes: 10)
    #expect(throws: ServiceError.self) { try second.add(bytes: 1) }
    first.end()
    try second.add(bytes: UploadsInHand.maximumBytes - 10)
    #expect(throws: ServiceError.self) { try second.add(bytes: 1) }
    second.end()
    var third = try uploads.begin()
    try third.add(bytes: UploadsInHand.maximumBytes)
    third.end()
  }

  @Test func `a body that was refused is not in hand any more`() async throws {
    try await TestServer.with { server in
      for _ in 0...UploadsInHand.maximumCount {
        try await RawConnection.with(port: server.port) { connection in
          let reply = try await connection.request("POST", "/2015-03-31/functions", body: "{")
          #expect(reply.status == 400)
        }
      }
    }
  }
}
