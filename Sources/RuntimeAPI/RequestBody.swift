import NIOCore

/// The body of the request that a connection is receiving, kept as far as it is wanted and allowed.
struct RequestBody {
  private var bytes: ByteBuffer?
  private var room: Int
  private(set) var isTooLarge = false

  /// - Parameter limit: bytes to keep at most; what goes beyond turns the whole body into one that is only drained. 0 drains from the start.
  init(limit: Int) {
    room = limit
  }

  mutating func append(_ part: consuming ByteBuffer) {
    guard part.readableBytes <= room else {
      isTooLarge = true
      bytes = nil
      room = 0
      return
    }
    room -= part.readableBytes
    // A body that came in one read is not copied.
    if bytes == nil { bytes = part } else { bytes?.writeBuffer(&part) }
  }

  consuming func take() -> ByteBuffer {
    bytes ?? ByteBuffer()
  }
}
