import LambdaAPI
import NIOCore
import NIOPosix

/// A TCP connection that speaks HTTP as bytes, so that a test sees exactly what goes over the wire.
struct RawConnection {
  struct Reply {
    var status: Int
    /// Names in lower case.
    var fields: [String: String]
    var body: String

    var json: JSONValue { (try? JSONValue(parsing: ByteBuffer(string: body))) ?? .null }
    var errorType: String? { fields["x-amzn-errortype"] }
    var message: String? { json["message"]?.string ?? json["Message"]?.string }
  }

  struct Closed: Error {}

  var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
  let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  let channel: any Channel
  var buffer = ByteBuffer()

  static func with<Value>(port: Int, _ body: (inout RawConnection) async throws -> Value) async throws -> Value {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
            wrappingChannelSynchronously: channel)
        }
      }
    return try await channel.executeThenClose { inbound, outbound in
      var connection = RawConnection(inbound: inbound.makeAsyncIterator(), outbound: outbound, channel: channel.channel)
      return try await body(&connection)
    }
  }

  func send(_ text: String) async throws { try await outbound.write(ByteBuffer(string: text)) }

  func send(_ method: String, _ target: String, fields: [String: String] = [:], body: String = "") async throws {
    var text = "\(method) \(target) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: \(body.utf8.count)\r\n"
    for (name, value) in fields { text += "\(name): \(value)\r\n" }
    try await send(text + "\r\n" + body)
  }

  /// Sends and reads the one answer.
  mutating func request(_ method: String, _ target: String, fields: [String: String] = [:], body: String = "") async throws -> Reply {
    try await send(method, target, fields: fields, body: body)
    return try await reply()
  }

  mutating func request(_ method: String, _ target: String, json: JSONValue) async throws -> Reply {
    try await request(method, target, fields: ["Content-Type": "application/json"], body: json.text)
  }

  /// The next answer; an informational one has no body.
  mutating func reply() async throws -> Reply {
    let head = try await line(until: "\r\n\r\n")
    let lines = head.split(separator: "\r\n")
    let status = Int(lines[0].split(separator: " ")[1]) ?? 0
    var fields: [String: String] = [:]
    for line in lines.dropFirst() {
      let pair = line.split(separator: ":", maxSplits: 1)
      fields[pair[0].lowercased()] = pair.count > 1 ? String(pair[1].drop { $0 == " " }) : ""
    }
    let length = fields["content-length"].flatMap { Int($0) } ?? 0
    while buffer.readableBytes < length { try await more() }
    return Reply(status: status, fields: fields, body: buffer.readString(length: length) ?? "")
  }

  /// The next chunk of an answer that has no length; `nil` is the last.
  mutating func chunk() async throws -> ByteBuffer? {
    let line = try await line(until: "\r\n")
    guard let length = Int(line, radix: 16) else { throw Closed() }
    while buffer.readableBytes < length + 2 { try await more() }
    let chunk = buffer.readSlice(length: length)
    buffer.moveReaderIndex(forwardBy: 2)
    return length == 0 ? nil : chunk
  }

  /// Whether the server closes with nothing more to say.
  mutating func ends() async throws -> Bool {
    guard buffer.readableBytes == 0 else { return false }
    return try await inbound.next() == nil
  }

  private mutating func line(until end: String) async throws -> String {
    while true {
      let bytes = buffer.readableBytesView
      if let index = bytes.indices.first(where: { bytes[$0...].starts(with: end.utf8) }) {
        let line = buffer.readString(length: index - bytes.startIndex) ?? ""
        buffer.moveReaderIndex(forwardBy: end.utf8.count)
        return line
      }
      try await more()
    }
  }

  private mutating func more() async throws {
    guard var part = try await inbound.next() else { throw Closed() }
    buffer.writeBuffer(&part)
  }
}
