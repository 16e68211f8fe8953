import Environments
import FoundationEssentials
import FunctionModel
import Logging
import NIOCore
import Store

/// How one attempt at an event ended.
enum EventEnd {
  case answered(InvocationReply)
  /// Throttled, or the host could not.
  case refused
  /// There is no such function, version or alias any more.
  case lost
  /// It has waited for too long.
  case aged
  /// The function has a concurrency of none.
  case notRunnable
}

// One attempt at an event, and what follows from it.
extension EventRunner {
  func attempt(_ event: QueuedEvent) async -> EventEnd {
    let config = config(of: event)
    let age = WallClock.milliseconds() - event.accepted
    if Double(age) > Double((config?.maximumEventAge ?? 21_600) * 1_000) * timeScale { return .aged }
    guard let target = catalog.target(event.function, qualifier: event.qualifier, draw: { Double.random(in: 0..<1) }) else { return .lost }
    guard target.state == .active else { return .refused }
    if catalog.setting(ReservedConcurrency.self, of: event.function)?.executions == 0 { return .notRunnable }
    let result = await dispatcher.invoke(
      InvocationRequest(
        requestID: event.requestID, version: target.version, invokedARN: event.function.arn(qualifier: event.qualifier),
        payload: ByteBuffer(bytes: event.payload), contentType: "application/json", clientContext: event.clientContext,
        traceID: event.traceID, type: .event))
    switch result {
    case .completed(let reply): return .answered(reply)
    case .refused: return .refused
    }
  }

  func settle(_ event: QueuedEvent, _ end: EventEnd) async throws(CatalogError) {
    switch end {
    case .answered(let reply) where !reply.functionError: try await finish(event, .success, reply)
    case .answered(let reply):
      let attempts = event.attempts + 1
      guard attempts <= config(of: event)?.maximumRetryAttempts ?? 2 else { return try await finish(event, .retriesExhausted, reply) }
      let delay = Double(attempts == 1 ? 60_000 : 120_000) * timeScale
      try await queue.postpone(event.requestID, until: WallClock.milliseconds() + Int64(delay), attempts: attempts)
    case .refused: break
    case .aged: try await finish(event, .eventAgeExceeded, nil)
    case .notRunnable: try await finish(event, .zeroReservedConcurrency, nil)
    case .lost:
      logger.warning("event \(event.requestID) is dropped: \(event.function.arn(qualifier: event.qualifier)) is gone")
      try await queue.settle(event.requestID)
    }
  }

  private func config(of event: QueuedEvent) -> EventInvokeConfig? {
    let qualifier = event.qualifier == "$LATEST" ? "" : event.qualifier ?? ""
    return catalog.setting(EventInvokeConfig.self, of: event.function, qualifier: qualifier)
  }

  /// The event leaves the queue; its record goes to the destination, and the event itself, if it was given up, to the dead-letter queue.
  private func finish(_ event: QueuedEvent, _ condition: EventCondition, _ reply: InvocationReply?) async throws(CatalogError) {
    let config = config(of: event)
    let target = condition == .success ? config?.onSuccess : config?.onFailure
    let record = EventRecord(event: event, condition: condition, reply: reply, attempts: attempts(event, reply))
    var events: [QueuedEvent] = []
    var deliveries: [QueuedDelivery] = []
    if let target {
      let kind: QueuedDelivery.Kind = condition == .success ? .success : .failure
      if let next = record.event(for: target) {
        events.append(next)
      } else {
        deliveries.append(record.delivery(kind, to: target, role: role(of: event)))
      }
    }
    if condition != .success, let queue = deadLetterTarget(of: event) {
      deliveries.append(record.delivery(.deadLetter, to: queue, role: role(of: event)))
    }
    try await queue.settle(event.requestID, followedBy: events, deliveries)
    for next in events { Task { await self.advance(next.function) } }
    if !deliveries.isEmpty { deliveryWaits() }
  }

  private func attempts(_ event: QueuedEvent, _ reply: InvocationReply?) -> Int { event.attempts + (reply == nil ? 0 : 1) }

  private func role(of event: QueuedEvent) -> String {
    catalog.function(event.function, qualifier: event.qualifier)?.role ?? ""
  }

  private func deadLetterTarget(of event: QueuedEvent) -> String? {
    catalog.function(event.function, qualifier: event.qualifier)?.deadLetterTarget
  }
}

extension FunctionConfiguration {
  /// `DeadLetterConfig.TargetArn`.
  fileprivate var deadLetterTarget: String? {
    struct Config: Decodable { var TargetArn: String? }
    guard let text = echoed["DeadLetterConfig"] else { return nil }
    // It was valid when it came.
    return (try? JSONDecoder().decode(Config.self, from: Data(text.utf8)))?.TargetArn
  }
}
