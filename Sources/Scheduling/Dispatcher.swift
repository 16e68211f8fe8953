package import Environments
package import FunctionModel
package import Logging
package import NIOCore
package import Store
import Synchronization

/// Who runs where and when: gives each request to an idle environment, or has one started, within the account's concurrency and
/// the host's memory.
///
/// The warm path takes two short locks (the table of pools, the version's pool) and no task; starts, stops and evictions are
/// ordinary asynchronous work.
package final class Dispatcher: Sendable {
  let configuration: SchedulingConfiguration
  let host: EnvironmentHost
  let catalog: Catalog
  let journal: Journal
  let logger: Logger
  let eventLoops: any EventLoopGroup
  let admission: AdmissionLedger
  let leases: UserIDLeases
  let concurrency: ConcurrencyLedger
  private let table = Mutex(Table())

  private struct Table {
    var pools: [FunctionVersion.Key: VersionPool] = [:]
    var isShuttingDown = false
  }

  package init(
    configuration: SchedulingConfiguration, host: EnvironmentHost, catalog: Catalog, journal: Journal,
    eventLoops: any EventLoopGroup, logger: Logger
  ) {
    self.configuration = configuration
    self.host = host
    self.catalog = catalog
    self.journal = journal
    self.eventLoops = eventLoops
    self.logger = logger
    concurrency = ConcurrencyLedger(limit: configuration.concurrencyLimit)
    for (function, _, reserved) in catalog.settings(ReservedConcurrency.self) { concurrency.reserve(reserved.executions, for: function) }
    admission = AdmissionLedger(budget: configuration.budget)
    leases = UserIDLeases(catalog: catalog, range: configuration.userIDs, logger: logger)
  }

  /// Runs one synchronous invocation. `completion` is called exactly once, on `eventLoop`.
  package func invoke(
    _ request: InvocationRequest, on eventLoop: any EventLoop, completion: @escaping @Sendable (InvocationResult) -> Void
  ) {
    let answer: @Sendable (InvocationResult) -> Void = { result in
      if eventLoop.inEventLoop { completion(result) } else { eventLoop.execute { completion(result) } }
    }
    do throws(Throttled) {
      let held = try concurrency.enter(request.version.function)
      submit(request, in: held, accepted: .now(), answer: answer)
    } catch {
      recordRefused(request, .throttled, errorType: "TooManyRequestsException")
      answer(.refused(.tooManyRequests(error.reason)))
    }
  }

  /// Places the request; again, should it reach an environment that is on its way out.
  private func submit(
    _ request: InvocationRequest, in held: ConcurrencyLedger.Place, accepted: NIODeadline,
    answer: @escaping @Sendable (InvocationResult) -> Void
  ) {
    let invocation = Invocation(
      requestID: request.requestID, invokedARN: request.invokedARN, payload: request.payload,
      contentType: request.contentType, clientContext: request.clientContext,
      tenantID: request.tenantID, traceID: request.traceID, stream: request.sink.map { ResponseStream(deliver: $0) },
      wantsLogTail: request.wantsLogTail,
      type: request.type, accepted: accepted
    ) { [self] end in
      if case .unavailable = end { return submit(request, in: held, accepted: accepted, answer: answer) }
      concurrency.leave(held)
      answer(result(of: end, for: request))
    }
    place(invocation, for: request.version)
  }

  /// The same for callers that are not on an event loop.
  package func invoke(_ request: InvocationRequest) async -> InvocationResult {
    await withCheckedContinuation { continuation in
      invoke(request, on: eventLoops.next()) { continuation.resume(returning: $0) }
    }
  }

  private func result(of end: InvocationEnd, for request: InvocationRequest) -> InvocationResult {
    switch end {
    case .answered(let answer):
      return .completed(
        InvocationReply(
          payload: answer.payload, contentType: answer.contentType, functionError: answer.isFunctionError, errorType: answer.errorType,
          executedVersion: request.version.version, logTail: answer.logTail))
    case .throttled:
      recordRefused(request, .throttled, errorType: "TooManyRequestsException")
      return .refused(.tooManyRequests(.concurrentInvocationLimitExceeded))
    case .unavailable: preconditionFailure("such an invocation is placed again")
    case .hostFault(let reason):
      recordRefused(request, .hostFault, errorType: "ServiceException")
      return .refused(.service("The service encountered an internal error: \(reason)"))
    }
  }

  private func place(_ invocation: Invocation, for version: FunctionVersion) {
    guard let pool = pool(for: version) else { return invocation.completion(.hostFault("it is shutting down")) }
    switch pool.place(invocation) {
    case .environment(let environment): hand(invocation, to: environment)
    case .start: start(in: pool)
    case .soon(armHedge: true): armHedge(for: pool)
    case .soon(armHedge: false), .waits: break
    case .closed:
      forget(pool)
      place(invocation, for: version)
    }
  }

  private func hand(_ invocation: Invocation, to environment: ExecutionEnvironment) {
    if environment.eventLoop.inEventLoop {
      environment.assumeIsolated { $0.invoke(invocation) }
    } else {
      environment.eventLoop.execute { environment.assumeIsolated { $0.invoke(invocation) } }
    }
  }

  /// An environment whose caller has been answered is mostly available in well under a millisecond, and if it had used up its share of
  /// the CPU, at the beginning of the next period of 20 ms; only if it is not then is another started.
  private func armHedge(for pool: VersionPool) {
    eventLoops.next().scheduleTask(in: .milliseconds(25)) { [self] in
      for _ in 0..<pool.hedge() { start(in: pool) }
    }
  }
}

// MARK: Pools

extension Dispatcher {
  /// `nil` once the host is shutting down.
  private func pool(for version: FunctionVersion) -> VersionPool? {
    table.withLock { table in
      if table.isShuttingDown { return nil }
      if let pool = table.pools[version.key] { return pool }
      let pool = VersionPool(version: version)
      table.pools[version.key] = pool
      return pool
    }
  }

  var pools: [VersionPool] { table.withLock { Array($0.pools.values) } }

  func forget(_ pool: VersionPool) {
    table.withLock { table in
      if table.pools[pool.version.key] === pool { table.pools[pool.version.key] = nil }
    }
  }

  /// A function changed, or it was deleted: environments of other revisions take no new request, and its reservation is the new one.
  package func functionChanged(_ id: FunctionID) {
    concurrency.reserve(catalog.setting(ReservedConcurrency.self, of: id)?.executions, for: id)
    let reason = catalog.function(id) == nil ? "delete" : "update"
    for pool in pools where pool.version.function == id && pool.version.key != catalog.version(id, qualifier: pool.version.version)?.key {
      for environment in pool.retire() { end(environment, reason: reason) }
    }
  }

  var isShuttingDown: Bool { table.withLock { $0.isShuttingDown } }

  /// Refuses new requests, waits for running ones until `limit` has passed, then ends every environment.
  package func shutDown(within limit: Duration) async {
    table.withLock { $0.isShuttingDown = true }
    await waitUntil(.now + limit) { self.concurrency.running == 0 }
    for pool in pools {
      for invocation in pool.abandonAll() { invocation.completion(.hostFault("it is shutting down")) }
    }
    // Those that were being started when the shutdown began appear one by one.
    await waitUntil(.now + .seconds(10)) {
      await withTaskGroup { group in
        for pool in self.pools {
          for environment in pool.environments { group.addTask { await environment.stop(reason: "shutdown") } }
        }
      }
      return !self.pools.contains { $0.isOccupied }
    }
  }

  private func waitUntil(_ deadline: ContinuousClock.Instant, _ isSo: @Sendable () async -> Bool) async {
    while await !isSo(), ContinuousClock.now < deadline {
      // Cancelled: there is no time left.
      do { try await Task.sleep(for: .milliseconds(20)) } catch { return }
    }
  }
}
