import NIOCore

/// A response that is passed on as it comes.
struct StreamedResponse {
  var sender: RuntimeConnection
  var limit: Int
  var contentType: String?
  var bytes = 0
  /// What goes beyond is drained.
  var isTooLarge: Bool { bytes > limit }
}

// Streamed responses, while they come.
extension RuntimeSession {
  func streamed(_ part: ByteBuffer, from connection: RuntimeConnection) {
    stream?.bytes += part.readableBytes
    guard let stream, stream.sender === connection, !stream.isTooLarge, let delegate else { return }
    if !delegate.runtimeStreamed(part, contentType: stream.contentType) { connection.holdReading() }
  }

  func resumeStream() {
    stream?.sender.resumeReading()
  }

  /// The last part is in.
  func finishStream(_ connection: RuntimeConnection, _ failure: ResponseTrailers?) {
    guard let stream else { return }
    self.stream = nil
    finishAnswer(connection, isTooLarge: stream.isTooLarge, limit: stream.limit) {
      failure.map { .error(payload: $0.payload, type: $0.type) } ?? .streamed(contentType: stream.contentType)
    }
  }

  /// `connection` has ended or gets its last answer. If it was sending a streamed response then that was its end, and the sandbox's: the caller has a
  /// part of it, so that no other connection can try again.
  func brokeOff(_ connection: RuntimeConnection) {
    guard stream?.sender === connection else { return }
    let delegate = delegate
    close(sparing: connection)
    delegate?.runtimeAnswered(.truncated)
  }
}
