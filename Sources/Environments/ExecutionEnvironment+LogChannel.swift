import FunctionModel
import NIOCore

// The runtime's log channel: its records keep their line ends, their times and their levels.
extension ExecutionEnvironment {
  /// A channel that cannot be followed is read on, so that the runtime does not wait for room in it, and what comes is thrown away.
  func takeFrames(_ bytes: [UInt8]) {
    guard !frames.isGarbled else { return }
    // Apart from the actor's state, which changes while the frames are given out.
    var parser = frames
    frames = LogFrameParser()
    parser.append(bytes) { log($0) }
    frames = parser
    if frames.isGarbled { logFault("LOG_CHANNEL_CLOSED: the runtime wrote to it what is no frame; what follows there is not kept") }
  }

  /// The writers are gone: what has come of a message is all there is. The next sandbox has a channel of its own.
  func endFrames() {
    var parser = frames
    frames = LogFrameParser()
    parser.flush { log($0) }
  }

  /// Allowed for like other output, by the bytes of its message.
  private func log(_ frame: LogFrame) {
    let count = frame.message.utf8.count
    let kept = output.allowance.take(count)
    guard kept > 0 || count == 0 else { return }
    let message = kept == count ? frame.message : String(decoding: frame.message.utf8.prefix(kept), as: UTF8.self)
    write(message, from: .function, level: frame.level, at: frame.time.map(clamped))
  }

  /// A time of this environment's life: a function can say any.
  private func clamped(_ time: Int64) -> Int64 {
    min(max(time, started * 1_000), WallClock.microseconds())
  }
}
