import Glibc

/// A runtime client over a blocking socket, one request at a time, run on a thread of its own.
final class FakeRuntime: Sendable {
  private let number: CInt

  init(port: Int) {
    number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        precondition(connect(number, address, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0)
      }
    }
  }

  deinit { close(number) }

  /// Asks for an event, without waiting for it.
  func ask() { put("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n") }

  /// Waits for the event that was asked for.
  /// - Returns: its request id; empty if the connection was closed instead.
  func event() async -> String {
    let head = await answer().head
    let id = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("lambda-runtime-aws-request-id:") }
    return id.map { String($0.split(separator: " ")[1]) } ?? ""
  }

  func respond(_ id: String, _ body: String) async -> Int { await post("invocation/\(id)/response", body) }
  func fail(_ id: String, _ body: String) async -> Int { await post("invocation/\(id)/error", body) }
  func failInit(_ body: String) async -> Int { await post("init/error", body) }

  /// Begins a response in parts, without waiting for anything.
  func beginStream(_ id: String) {
    put(
      "POST /2018-06-01/runtime/invocation/\(id)/response HTTP/1.1\r\nHost: x\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n"
        + "Transfer-Encoding: chunked\r\n\r\n")
  }

  func stream(_ part: String) { put("\(String(part.utf8.count, radix: 16))\r\n\(part)\r\n") }

  /// - Returns: false once the connection is closed.
  func streamUnlessClosed(_ part: String) -> Bool {
    var bytes = Array("\(String(part.utf8.count, radix: 16))\r\n\(part)\r\n".utf8)[...]
    while !bytes.isEmpty {
      let count = send(number, Array(bytes), bytes.count, Int32(MSG_NOSIGNAL))
      guard count > 0 else { return false }
      bytes = bytes.dropFirst(count)
    }
    return true
  }

  func endStream() async -> Int { Int(await exchange("0\r\n\r\n").head.split(separator: " ")[1]) ?? 0 }

  /// As if the process had died.
  func disconnect() { shutdown(number, Int32(SHUT_RDWR)) }

  private func post(_ path: String, _ body: String) async -> Int {
    let answer = await exchange(
      "POST /2018-06-01/runtime/\(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    return Int(answer.head.split(separator: " ")[1]) ?? 0
  }

  private func put(_ text: String) {
    let bytes = Array(text.utf8)
    precondition(write(number, bytes, bytes.count) == bytes.count)
  }

  private func exchange(_ request: String) async -> (head: String, body: String) {
    put(request)
    return await answer()
  }

  private func answer() async -> (head: String, body: String) {
    await withCheckedContinuation { continuation in
      let thread = ThreadBody { continuation.resume(returning: self.readAnswer()) }
      thread.start()
    }
  }

  private func readAnswer() -> (head: String, body: String) {
    var received = [UInt8]()
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(number, &chunk, chunk.count)
      guard count > 0 else { return ("HTTP/1.1 0 closed", "") }
      received += chunk.prefix(count)
      let text = String(decoding: received, as: UTF8.self)
      guard let border = text.firstRange(of: "\r\n\r\n") else { continue }
      let head = String(text[..<border.lowerBound])
      let field = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
      let length = field.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
      let body = text[border.upperBound...]
      if body.utf8.count >= length { return (head, String(body)) }
    }
  }
}

final class ThreadBody: Sendable {
  private let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }

  func start() {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(self).toOpaque()
    pthread_create(
      &thread, nil,
      { context in
        Unmanaged<ThreadBody>.fromOpaque(context!).takeRetainedValue().body()
        return nil
      }, context)
    pthread_detach(thread)
  }
}
