import NIOCore

/// How fast one output stream of a runtime is read, by what that costs.
///
/// Cutting bytes into records costs by the line, and a function chooses how short its lines are. So a turn is as long as its work may take and no
/// longer, and after a turn that was filled the stream waits many times as long as it took: a flood costs its event loop, on which other
/// environments live, a twentieth of its time. It waits in its pipe, which stops the writer.
struct OutputPace {
  static let turn = TimeAmount.microseconds(500)
  static let shortestPause = TimeAmount.milliseconds(2)
  static let bytesPerTurn = 512...16_384
  private static let restAfterWork: Int64 = 19

  /// Most to be read in the next turn.
  private(set) var bytes = bytesPerTurn.upperBound

  /// A turn was filled and has taken `time`; returns how long to wait for the next.
  mutating func pause(after time: TimeAmount) -> TimeAmount {
    if time > Self.turn {
      bytes = max(Self.bytesPerTurn.lowerBound, bytes / 2)
    } else if time * 4 < Self.turn {
      bytes = min(Self.bytesPerTurn.upperBound, bytes * 2)
    }
    return max(Self.shortestPause, time * Self.restAfterWork)
  }
}

/// What of one invocation's output is still kept: the log is everybody's disk.
struct LogAllowance {
  private var room: Int
  /// Bytes beyond it.
  private(set) var dropped = 0

  init(bytes: Int) {
    room = bytes
  }

  /// How many of `count` bytes are kept.
  mutating func take(_ count: Int) -> Int {
    let kept = min(room, count)
    room -= kept
    dropped += count - kept
    return kept
  }
}
