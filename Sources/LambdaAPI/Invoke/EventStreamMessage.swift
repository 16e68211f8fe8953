internal import NIOCore

/// One message of `application/vnd.amazon.eventstream`, as InvokeWithResponseStream answers in.
///
///     total length (4)   headers' length (4)   CRC-32 of these eight (4)
///     headers: name's length (1), name, 7 for a string, value's length (2), value
///     payload
///     CRC-32 of all before (4)
///
/// Numbers are big-endian. <https://smithy.io/2.0/aws/amazon-eventstream.html>
struct EventStreamMessage {
  var headers: [(name: String, value: String)]
  var payload: ByteBuffer

  /// A part of the response.
  static func payloadChunk(_ payload: ByteBuffer) -> EventStreamMessage {
    event("PayloadChunk", contentType: "application/octet-stream", payload)
  }

  /// The end of the response, good or bad: what failed, its details, and the log's tail in base64.
  static func invokeComplete(errorCode: String?, errorDetails: String?, logResult: String?) -> EventStreamMessage {
    let members: JSONValue = .object([
      "ErrorCode": errorCode.map { .string($0) }, "ErrorDetails": errorDetails.map { .string($0) },
      "LogResult": logResult.map { .string($0) },
    ])
    return event("InvokeComplete", contentType: "application/json", members.encoded())
  }

  /// An error of the service, told where no status can tell it any more.
  static func exception(_ type: String, message: String) -> EventStreamMessage {
    EventStreamMessage(
      headers: [(":message-type", "exception"), (":exception-type", type), (":content-type", "application/json")],
      payload: JSONValue.object(["message": .string(message)]).encoded())
  }

  private static func event(_ type: String, contentType: String, _ payload: ByteBuffer) -> EventStreamMessage {
    EventStreamMessage(headers: [(":message-type", "event"), (":event-type", type), (":content-type", contentType)], payload: payload)
  }

  func encoded() -> ByteBuffer {
    let headersLength = headers.reduce(0) { $0 + 1 + $1.name.utf8.count + 3 + $1.value.utf8.count }
    let length = 12 + headersLength + payload.readableBytes + 4
    var message = ByteBuffer()
    message.reserveCapacity(length)
    message.writeInteger(UInt32(length))
    message.writeInteger(UInt32(headersLength))
    message.writeInteger(CRC32.checksum(of: message))
    for (name, value) in headers {
      message.writeInteger(UInt8(name.utf8.count))
      message.writeString(name)
      message.writeInteger(7 as UInt8)
      message.writeInteger(UInt16(value.utf8.count))
      message.writeString(value)
    }
    message.writeImmutableBuffer(payload)
    message.writeInteger(CRC32.checksum(of: message))
    return message
  }
}

/// The CRC-32 of IEEE 802.3, as zlib computes it.
enum CRC32 {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { sum, _ in sum & 1 == 1 ? 0xEDB8_8320 ^ sum >> 1 : sum >> 1 }
  }

  static func checksum(of buffer: ByteBuffer) -> UInt32 {
    let (bytes, table) = (buffer.readableBytesUInt8Span, table)
    var sum = UInt32.max
    for index in bytes.indices { sum = table[Int(UInt8(truncatingIfNeeded: sum) ^ bytes[index])] ^ sum >> 8 }
    return ~sum
  }
}
