import FunctionModel
import NIOCore

/// One subscriber: collects its records and sends them when there are enough, or the oldest has waited long enough.
///
/// While the sandbox is frozen nothing is sent and no time counts against the subscriber, for it cannot run.
final class TelemetrySubscriber {
  /// For one batch, while the sandbox runs.
  private static let patience = TimeAmount.seconds(5)
  private static let attempts = 5
  private static let firstPause = TimeAmount.milliseconds(50)

  let name: String
  let subscription: TelemetrySubscription
  private let eventLoop: any EventLoop
  private let sender: TelemetrySender
  private var buffer: TelemetryBuffer
  private var sending: Sending?
  private var timer: Scheduled<Void>?
  /// The buffered records have waited long enough, or must go at once.
  private var isDue = false
  private var isHeld = false
  private var isClosed = false

  private struct Sending {
    var batch: TelemetryBuffer.Batch
    var attempt = 1
    /// It waits for its next attempt.
    var isPausing = false
  }

  init(
    name: String, _ subscription: TelemetrySubscription, on eventLoop: any EventLoop, connect: @escaping SubscriberConnection
  ) {
    self.name = name
    self.subscription = subscription
    self.eventLoop = eventLoop
    sender = TelemetrySender(subscription.destination, on: eventLoop, connect: connect)
    buffer = TelemetryBuffer(subscription.buffering)
  }

  /// Nothing waits for it.
  var isIdle: Bool { sending == nil && buffer.isEmpty }

  /// Bytes kept for it.
  var heldBytes: Int { buffer.heldBytes + (sending?.batch.bytes ?? 0) }

  /// - Parameter room: bytes that may be kept beside all that is kept for the sandbox's subscribers.
  func take(_ record: TelemetryRecord, room: Int) {
    guard !isClosed, subscription.wants(record) else { return }
    buffer.add(subscription.encode(record), beside: sending?.batch.bytes ?? 0, room: room)
    proceed()
  }

  /// Sends what there is without waiting for more.
  func flush() {
    isDue = true
    proceed()
  }

  func hold() {
    isHeld = true
    stopTimer()
  }

  func resume() {
    guard isHeld else { return }
    isHeld = false
    guard let sending else { return proceed() }
    // The attempt has its time anew.
    if sending.isPausing { attempt() } else { startTimer(Self.patience) { $0.sender.cut() } }
  }

  func close() {
    isClosed = true
    stopTimer()
    sender.cut()
  }

  private func proceed() {
    guard !isClosed, !isHeld, sending == nil else { return }
    reportDropped()
    guard !buffer.isEmpty else {
      isDue = false
      return
    }
    guard isDue || buffer.isFull else {
      if timer == nil { startTimer(.milliseconds(subscription.buffering.milliseconds)) { $0.flush() } }
      return
    }
    guard let batch = buffer.takeBatch() else { return }
    sending = Sending(batch: batch)
    attempt()
  }

  /// Takes its place behind what is kept, and before what comes.
  private func reportDropped() {
    guard !buffer.dropped.isEmpty, subscription.types.contains(.platform) else { return }
    let dropped = buffer.takeDropped()
    let record = TelemetryRecord(
      time: WallTime.microseconds(),
      event: .logsDropped(
        .init(
          bytes: dropped.bytes, records: dropped.records,
          reason: "Consumer seems to have fallen behind as it has not acknowledged receipt of logs.")))
    if !buffer.add(subscription.encode(record)) {
      // There is no room for the report either: it is made again later, and counts the same.
      _ = buffer.takeDropped()
      buffer.drop(.init(records: Array(repeating: [], count: dropped.records), bytes: dropped.bytes))
    }
  }

  private func attempt() {
    guard let batch = sending?.batch else { return }
    sending?.isPausing = false
    startTimer(Self.patience) { $0.sender.cut() }
    sender.send(batch).assumeIsolated().whenSuccess { self.sent($0) }
  }

  private func sent(_ outcome: TelemetrySender.Outcome) {
    guard !isClosed, var sending else { return }
    stopTimer()
    switch outcome {
    case .refused where sending.attempt < Self.attempts:
      let pause = Self.firstPause * (1 << (sending.attempt - 1))
      sending.attempt += 1
      sending.isPausing = true
      self.sending = sending
      if !isHeld { startTimer(pause) { $0.attempt() } }
    case .refused, .lost:
      buffer.drop(sending.batch)
      finish()
    case .delivered: finish()
    }
  }

  private func finish() {
    sending = nil
    // What came meanwhile has its own time, unless all is to go.
    proceed()
  }

  private func startTimer(_ delay: TimeAmount, _ action: @escaping (TelemetrySubscriber) -> Void) {
    timer?.cancel()
    timer = eventLoop.assumeIsolated().scheduleTask(in: delay) { [weak self] in
      guard let self else { return }
      timer = nil
      action(self)
    }
  }

  private func stopTimer() {
    timer?.cancel()
    timer = nil
  }
}
