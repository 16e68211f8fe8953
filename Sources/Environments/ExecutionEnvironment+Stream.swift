import NIOCore
import RuntimeAPI

// A response that goes to its caller while it is made.
extension ExecutionEnvironment {
  /// - Returns: whether the caller takes more at once; if not, the runtime's connection is told when it does.
  func runtimeStreamed(_ part: ByteBuffer, _ contentType: String?, _ generation: Int) -> Bool {
    guard generation == self.generation, case .running(let running) = machine.state, running.answered == nil,
      let stream = running.invocation.stream
    else { return true }
    if streamedBytes == 0 { responseBegan = .now() }
    streamedBytes += part.readableBytes
    return stream.send(part, contentType) { [weak self, eventLoop] in
      eventLoop.execute { [weak self] in self?.assumeIsolated { $0.runtime?.resumeStream() } }
    }
  }

  /// Mostly because the runtime has died. Its connections end before roost-init can say why, which is what the caller is to be told.
  func responseBrokeOff(_ generation: Int) {
    eventLoop.scheduleTask(in: .milliseconds(50)) { [weak self] in
      self?.assumeIsolated { if generation == $0.generation { $0.fault(.truncatedResponse) } }
    }
  }
}
