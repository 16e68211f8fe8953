import FoundationEssentials
import FunctionModel
import NIOCore
import NIOHTTP1

/// Microseconds since 1970.
enum WallTime {
  static func microseconds() -> Int64 {
    Int64(Date().timeIntervalSince1970 * 1_000_000)
  }
}

/// The Telemetry API and the Logs API of one sandbox: who subscribed, and what happened so far for those who still may.
final class TelemetrySession {
  /// Records kept for a subscriber that comes later.
  private static let historyLimit = 1_000
  /// For the last records, before the sandbox's end is told.
  private static let lastPatience = TimeAmount.milliseconds(300)
  /// What waits for all subscribers together, who are ten at most.
  private static let memoryLimit = 4 << 20

  private let eventLoop: any EventLoop
  private let connect: SubscriberConnection
  private var subscribers: [TelemetrySubscriber] = []
  /// What happened since init began; `nil` once nobody may subscribe any more.
  private var history: [TelemetryRecord]? = []
  private var historyBytes = 0

  init(on eventLoop: any EventLoop, connect: @escaping SubscriberConnection) {
    self.eventLoop = eventLoop
    self.connect = connect
  }

  /// Whether a record would be kept or sent.
  var isWanted: Bool { history != nil || !subscribers.isEmpty }

  /// Whether anybody may still subscribe.
  var isOpen: Bool { history != nil }

  func record(_ record: TelemetryRecord) {
    remember(record)
    for subscriber in subscribers { subscriber.take(record, room: Self.memoryLimit - heldBytes) }
  }

  /// `name` is the extension's, which has registered.
  func subscribe(_ name: String, _ dialect: TelemetryDialect, _ body: RequestBody) -> (RuntimeReply, TelemetrySubscription?) {
    guard let history else { return (dialect.closed, nil) }
    let subscription: TelemetrySubscription
    do throws(SubscriptionFault) {
      if body.isTooLarge { throw SubscriptionFault("body of more than \(TelemetrySubscription.bodyLimit) bytes") }
      subscription = try TelemetrySubscription(dialect, body: Data(body.take().readableBytesView))
      try check(name, dialect)
    } catch {
      return (.error(.badRequest, dialect.validationErrorType, quoting: error.reason), nil)
    }
    let subscriber = TelemetrySubscriber(name: name, subscription, on: eventLoop, connect: connect)
    for earlier in history { subscriber.take(earlier, room: Self.memoryLimit - heldBytes) }
    subscribers.append(subscriber)
    return (RuntimeReply(status: .ok, contentType: "application/json", body: #""OK""#), subscription)
  }

  /// Init is over.
  func closeSubscription() {
    history = nil
  }

  /// The sandbox is about to be frozen.
  func hold() {
    for subscriber in subscribers { subscriber.hold() }
  }

  /// The sandbox runs again.
  func resume() {
    for subscriber in subscribers { subscriber.resume() }
  }

  /// Sends what there is at once, to a sandbox that runs, and then calls `done`: when all have it, or have had time enough to take it.
  func flush(then done: @escaping () -> Void) {
    for subscriber in subscribers {
      subscriber.resume()
      subscriber.flush()
    }
    whenIdle(within: .now() + Self.lastPatience, done)
  }

  private func whenIdle(within deadline: NIODeadline, _ done: @escaping () -> Void) {
    if subscribers.allSatisfy(\.isIdle) || NIODeadline.now() >= deadline { return done() }
    // Once in a sandbox's life, and for a moment.
    eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(2)) { self.whenIdle(within: deadline, done) }
  }

  func close() {
    history = nil
    for subscriber in subscribers { subscriber.close() }
    subscribers = []
  }

  private func check(_ name: String, _ dialect: TelemetryDialect) throws(SubscriptionFault) {
    if subscribers.contains(where: { $0.subscription.dialect != dialect }) {
      throw SubscriptionFault("the Telemetry API and the Logs API cannot be used together")
    }
    if subscribers.contains(where: { $0.name == name }) { throw SubscriptionFault("extension \(name) has subscribed already") }
  }

  private func remember(_ record: TelemetryRecord) {
    guard let history, history.count < Self.historyLimit else { return }
    switch record.event {
    case .function(.text(let text)), .function(.json(let text)), .extensionOutput(.text(let text)), .extensionOutput(.json(let text)):
      guard historyBytes + text.utf8.count <= TelemetrySubscription.Buffering.byteBounds.lowerBound else { return }
      historyBytes += text.utf8.count
    default: break  // Platform records are small, and each call of an extension makes one at most.
    }
    self.history?.append(record)
  }

  /// Of all subscribers.
  var heldBytes: Int { subscribers.reduce(0) { $0 + $1.heldBytes } }
}
