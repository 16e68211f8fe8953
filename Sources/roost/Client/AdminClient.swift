import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// One request to the daemon.
struct AdminRequest: Sendable {
  var method: HTTPMethod = .GET
  /// Path and query, percent-encoded.
  var target: String
  var headers: HTTPHeaders = [:]
  var body: [UInt8] = []

  init(_ method: HTTPMethod = .GET, _ target: String, headers: HTTPHeaders = [:], body: [UInt8] = []) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
  }
}

/// The daemon's answer, whole.
struct AdminResponse: Sendable {
  var status: Int
  var headers: HTTPHeaders
  var body: [UInt8]

  init(status: Int, headers: HTTPHeaders, body: [UInt8]) {
    self.status = status
    self.headers = headers
    self.body = body
  }
}

/// HTTP/1.1 to the daemon over its Unix socket, one connection per request. The daemon knows the caller by SO_PEERCRED, so nothing is signed.
struct AdminClient: Sendable {
  var socketPath: String
  /// The largest answer taken: a synchronous response is 6 MB, a listing page far less.
  static let answerLimit = 64 << 20

  init(socketPath: String) { self.socketPath = socketPath }

  /// Sends `request` and waits for the whole answer, whatever its status.
  func send(_ request: AdminRequest) async throws(CommandFailure) -> AdminResponse {
    // sun_path of unix(7) holds 107 bytes and their NUL.
    guard socketPath.utf8.count <= 107 else {
      throw CommandFailure(
        .usage, "\(socketPath) is too long for a socket: at most 107 bytes", hint: "use a state directory with a shorter path")
    }
    let channel: NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>
    do {
      channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(unixDomainSocketPath: socketPath) { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHTTPClientHandlers()
            return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
          }
        }
    } catch {
      throw noConnection(error)
    }
    do {
      return try await channel.executeThenClose { inbound, outbound in
        try await outbound.write(contentsOf: parts(of: request))
        return try await answer(from: inbound)
      }
    } catch let failure as CommandFailure {
      throw failure
    } catch {
      throw CommandFailure(
        .software, "the daemon at \(socketPath) broke off: \(error)", hint: "its log says why; roost doctor checks the host")
    }
  }

  private func parts(of request: AdminRequest) -> [HTTPClientRequestPart] {
    var head = HTTPRequestHead(version: .http1_1, method: request.method, uri: request.target, headers: request.headers)
    head.headers.replaceOrAdd(name: "Host", value: "localhost")
    head.headers.replaceOrAdd(name: "Connection", value: "close")
    head.headers.replaceOrAdd(name: "Content-Length", value: String(request.body.count))
    return [.head(head), .body(.byteBuffer(ByteBuffer(bytes: request.body))), .end(nil)]
  }

  private func answer(from inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>) async throws -> AdminResponse {
    var head: HTTPResponseHead?
    var body = ByteBuffer()
    for try await part in inbound {
      switch part {
      case .head(let received): head = received
      case .body(var chunk):
        body.writeBuffer(&chunk)
        guard body.readableBytes <= Self.answerLimit else {
          throw CommandFailure(.software, "the daemon's answer is larger than \(Self.answerLimit >> 20) MB")
        }
      case .end:
        guard let head else { break }
        return AdminResponse(status: Int(head.status.code), headers: head.headers, body: Array(body.readableBytesView))
      }
    }
    throw CommandFailure(.software, "the daemon at \(socketPath) closed the connection without an answer", hint: "its log says why")
  }

  private func noConnection(_ error: any Error) -> CommandFailure {
    switch (error as? IOError)?.errnoCode {
    case EACCES, EPERM:
      CommandFailure(.notPermitted, "you may not open \(socketPath)", hint: "become root, or a member of the daemon's group")
    case ENOENT, ECONNREFUSED, ENOTDIR:
      CommandFailure(
        .unavailable, "no daemon answers at \(socketPath)",
        hint: "start it with: sudo roostd --state-dir \(socketPath.dropLast("/run/admin.sock".count))"
          + "   (another directory? --state-dir or ROOST_STATE_DIR)")
    default:
      CommandFailure(.unavailable, "cannot connect to \(socketPath): \(error)")
    }
  }
}
