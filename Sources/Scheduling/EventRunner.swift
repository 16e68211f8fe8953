import Environments
package import FunctionModel
package import Logging
import NIOCore
package import Store

/// Runs accepted events, each at least once, until it succeeds or is given up.
///
/// Each function has a lane: how many of its events run at once grows while they succeed, and when the function is throttled the lane pauses,
/// for a second at first and for five minutes at last. So what one function cannot run costs the others nothing. In memory are only the
/// events that run.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html>
package actor EventRunner {
  /// Events that run at once, of all functions.
  static let heldLimit = 256

  let queue: EventQueue
  let catalog: Catalog
  let dispatcher: Dispatcher
  let logger: Logger
  /// What delays and ages are multiplied with; 1 but in tests.
  let timeScale: Double
  /// Told that a delivery was queued.
  let deliveryWaits: @Sendable () -> Void
  private var lanes: [FunctionID: EventLane] = [:]
  /// Lanes with due events and no room to run them, the longest waiting first.
  private var starved: [FunctionID] = []
  private var held = 0
  private var isStopping = false

  package init(
    queue: EventQueue, catalog: Catalog, dispatcher: Dispatcher, timeScale: Double = 1, logger: Logger,
    deliveryWaits: @escaping @Sendable () -> Void
  ) {
    self.queue = queue
    self.catalog = catalog
    self.dispatcher = dispatcher
    self.timeScale = timeScale
    self.logger = logger
    self.deliveryWaits = deliveryWaits
  }

  /// Accepts an event: returns when it is durable.
  package nonisolated func accept(_ event: QueuedEvent) async throws(CatalogError) {
    try await queue.accept(event)
    Task { await self.advance(event.function) }
  }

  /// Takes up what an earlier run left.
  package func start() async throws(CatalogError) {
    for lane in try await queue.lanes() {
      let function = lane.function
      Task { await self.advance(function) }
    }
  }

  /// Begins nothing more. What runs ends with the dispatcher, and what then fails for that stays in the queue.
  package func stop() {
    isStopping = true
    for lane in lanes.values { lane.timer?.cancel() }
  }

  /// Runs what is due of a function, as far as there is room, and arranges to be back for the rest.
  func advance(_ function: FunctionID) async {
    var lane = lanes[function] ?? EventLane()
    guard !isStopping else { return }
    if lane.isReading {
      lanes[function]?.isStale = true
      return
    }
    let now = WallClock.milliseconds()
    guard lane.pausedUntil <= now else { return arm(function, at: lane.pausedUntil) }
    guard lane.room > 0 else { return }
    guard held < Self.heldLimit else {
      lanes[function] = lane
      if !starved.contains(function) { starved.append(function) }
      return
    }
    let wanted = min(lane.room, Self.heldLimit - held)
    held += wanted
    lane.isReading = true
    lane.isStale = false
    lanes[function] = lane
    let next = await take(of: function, at: now, wanted: wanted)
    lanes[function]?.isReading = false
    if lanes[function]?.isStale == true { return await advance(function) }
    if let next { arm(function, at: next) } else { forgetIfEmpty(function) }
  }

  /// - Returns: when the first of the others is due.
  private func take(of function: FunctionID, at now: Int64, wanted: Int) async -> Int64? {
    do throws(CatalogError) {
      let (events, next) = try await queue.due(of: function, at: now, limit: wanted, excluding: lanes[function]?.held ?? [])
      held -= wanted - events.count
      for event in events {
        lanes[function]?.held.insert(event.requestID)
        Task { await self.run(event) }
      }
      return next
    } catch {
      held -= wanted
      logger.error("events of \(function.name): \(error)")
      return now + 1_000
    }
  }

  private func run(_ event: QueuedEvent) async {
    let function = event.function
    let end = await attempt(event)
    do throws(CatalogError) {
      try await settle(event, end)
      switch end {
      case .refused: lanes[function]?.throttle(at: WallClock.milliseconds(), scale: timeScale)
      case .answered, .lost, .aged, .notRunnable: lanes[function]?.succeed()
      }
    } catch {
      // It stays in the queue and will run once more.
      logger.error("event \(event.requestID) of \(function.name) could not be settled: \(error)")
      lanes[function]?.throttle(at: WallClock.milliseconds(), scale: timeScale)
    }
    lanes[function]?.held.remove(event.requestID)
    held -= 1
    if !starved.isEmpty {
      let first = starved.removeFirst()
      Task { await self.advance(first) }
    }
    await advance(function)
  }

  private func arm(_ function: FunctionID, at due: Int64) {
    var lane = lanes[function] ?? EventLane()
    if let armed = lane.armed, armed <= due, lane.timer != nil { return }
    lane.timer?.cancel()
    lane.armed = due
    lane.timer = Task { [self] in
      // Cancelled: another timer has been set.
      do { try await Task.sleep(for: .milliseconds(max(1, due - WallClock.milliseconds()))) } catch { return }
      await timerFired(function)
    }
    lanes[function] = lane
  }

  private func timerFired(_ function: FunctionID) async {
    lanes[function]?.timer = nil
    lanes[function]?.armed = nil
    await advance(function)
  }

  private func forgetIfEmpty(_ function: FunctionID) {
    guard let lane = lanes[function], lane.held.isEmpty, lane.timer == nil, !lane.isReading else { return }
    lanes[function] = nil
  }
}

/// What the runner knows of one function.
struct EventLane {
  /// How many events of a function run at once at first.
  static let initialLimit = 10

  /// Request ids of events that run.
  var held: Set<String> = []
  var limit = EventLane.initialLimit
  /// Milliseconds since 1970.
  var pausedUntil: Int64 = 0
  /// How long the next pause will be, in milliseconds.
  var pause: Int64 = 1_000
  var isReading = false
  /// Something has come while the queue was read.
  var isStale = false
  var timer: Task<Void, Never>?
  /// When the timer will fire.
  var armed: Int64?

  var room: Int { limit - held.count }

  mutating func succeed() {
    limit = min(EventRunner.heldLimit, limit + 1)
    pause = 1_000
  }

  /// Of many that are refused at once only the first one pauses the lane.
  mutating func throttle(at now: Int64, scale: Double) {
    guard pausedUntil <= now else { return }
    limit = max(1, limit / 2)
    pausedUntil = now + max(1, Int64(Double(pause) * scale))
    pause = min(300_000, pause * 2)
  }
}
