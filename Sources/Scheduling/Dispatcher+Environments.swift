import Environments
package import FunctionModel
import Logging
import NIOCore
import Store
import Synchronization

// Starting, keeping and ending environments.
extension Dispatcher {
  /// Starts one environment for `pool`, which counts it as starting already. Memory and disk that idle environments hold are
  /// taken from the longest idle; if that is not enough, the request that wanted the start is throttled.
  func start(in pool: VersionPool) {
    guard !isShuttingDown else { return giveUp(.hostFault("it is shutting down"), in: pool) }
    switch admission.claim(pool.version.promise, for: pool.account, granted: { self.launch(in: pool) }) {
    case .granted: launch(in: pool)
    case .impossible(.memory): giveUp(.hostFault("the function's memory size is more than the host has"), in: pool)
    case .impossible(.disk): giveUp(.hostFault("the function's ephemeral storage is more than the host has"), in: pool)
    case .waits(let ticket, let shortfall):
      guard !evict(shortfall), admission.withdraw(ticket) else { return }
      giveUp(.throttled, in: pool)
    }
  }

  private func launch(in pool: VersionPool) {
    Task {
      do throws(CatalogError) {
        let lease = try await leases.take()
        guard !isShuttingDown else {
          await leases.giveBack(lease.userID)
          return abandonStart(.hostFault("it is shutting down"), in: pool)
        }
        let environment = ExecutionEnvironment(
          id: lease.environment, version: pool.version, hostUserID: lease.userID, eventLoop: eventLoops.next(), host: host,
          recorder: self, delegate: PoolMembership(dispatcher: self, pool: pool))
        pool.admit(environment)
        await environment.start()
      } catch {
        logger.error("no environment for \(pool.version.function.name): \(error)")
        let reason = error.isOutOfSpace ? "no user id could be leased: the host's disk is full" : "no user id could be leased"
        abandonStart(.hostFault(reason), in: pool)
      }
    }
  }

  /// A start that was admitted comes to nothing.
  private func abandonStart(_ end: InvocationEnd, in pool: VersionPool) {
    admission.release(pool.version.promise, for: pool.account)
    giveUp(end, in: pool)
  }

  /// A start comes to nothing: the request that wanted it is told.
  private func giveUp(_ end: InvocationEnd, in pool: VersionPool) {
    let (abandoned, isClosed) = pool.startFailed()
    if isClosed { forget(pool) }
    abandoned?.completion(end)
  }

  /// Ends idle environments, the longest idle first, that together hold `shortfall`; none if all of them would not do.
  ///
  /// - Returns: whether that much will be free.
  private func evict(_ shortfall: HostResources) -> Bool {
    let idle = pools.reduce(HostResources.none) { $0 + $1.idleResources }
    guard shortfall.fits(in: idle) else { return false }
    var freed = HostResources.none
    while !shortfall.fits(in: freed) {
      let candidates = pools.compactMap { pool in pool.longestIdle.map { (pool, $0) } }
      guard let (pool, since) = candidates.min(by: { $0.1 < $1.1 }) else { return false }
      guard let environment = pool.evict(idleSince: since) else { continue }
      freed = freed + pool.version.promise
      end(environment, reason: "evicted")
    }
    return true
  }

  /// Ends an environment that no pool has among its idle ones any more. Who needs memory or disk may wait for what it
  /// holds.
  func end(_ environment: ExecutionEnvironment, reason: String) {
    admission.leaves(environment.id, holding: environment.version.promise)
    Task {
      await environment.stop(reason: reason)
      // Had an administrator's stop ended it before, all was released before it was said to leave.
      admission.hasLeft(environment.id)
    }
  }

  func armReaper(for pool: VersionPool, at time: NIODeadline) {
    eventLoops.next().scheduleTask(deadline: time) { [self] in
      let (expired, oldest) = pool.reap(before: .now() - TimeAmount(configuration.idleTimeout))
      for environment in expired { end(environment, reason: "idle") }
      if let oldest { armReaper(for: pool, at: oldest + TimeAmount(configuration.idleTimeout)) }
    }
  }
}

/// Hears one environment on behalf of its pool. Each environment keeps its own; the pool lets go of it when it has ended.
final class PoolMembership: ExecutionEnvironmentDelegate {
  private let dispatcher: Dispatcher
  private let pool: VersionPool

  init(dispatcher: Dispatcher, pool: VersionPool) {
    self.dispatcher = dispatcher
    self.pool = pool
  }

  func environmentIsAvailable(_ environment: ExecutionEnvironment) -> Invocation? {
    let now = NIODeadline.now()
    switch pool.becameAvailable(environment, now: now) {
    case .take(let invocation): return invocation
    case .idle(armReaper: true): dispatcher.armReaper(for: pool, at: now + TimeAmount(dispatcher.configuration.idleTimeout))
    case .idle(armReaper: false): break
    case .retire: dispatcher.end(environment, reason: "update")
    case .expire: dispatcher.end(environment, reason: "credentials")
    }
    return nil
  }

  func environmentIsFinishing(_ environment: ExecutionEnvironment) {
    pool.isFinishing(environment)
  }

  func environmentIsExpiring(_ environment: ExecutionEnvironment) {
    if pool.withdrawIfIdle(environment) { dispatcher.end(environment, reason: "credentials") }
  }

  func environmentIsLost(_ environment: ExecutionEnvironment) {
    pool.withdraw(environment)
  }

  func environment(_ environment: ExecutionEnvironment, couldNotStart reason: String) {
    pool.abandonOne()?.completion(.hostFault(reason))
  }

  func environmentEnded(_ environment: ExecutionEnvironment) {
    dispatcher.admission.release(environment.version.promise, for: pool.account, of: environment.id)
    Task { await dispatcher.leases.giveBack(environment.hostUserID) }
    let (isClosed, due) = pool.ended(environment)
    if isClosed { dispatcher.forget(pool) }
    for _ in 0..<due { dispatcher.start(in: pool) }
  }
}

extension Dispatcher: EnvironmentRecorder {
  package func record(_ invocation: InvocationRecord) { journal.append(.invocation(invocation)) }
  package func record(_ environment: EnvironmentRecord) { journal.append(.environment(environment)) }
  package func record(_ line: LogRecord) { journal.append(.log(line)) }

  /// A request that no environment served leaves a row too.
  func recordRefused(_ request: InvocationRequest, _ outcome: InvocationOutcome, errorType: String) {
    journal.append(
      .invocation(
        InvocationRecord(
          requestID: request.requestID, function: request.version.function, version: request.version.version,
          environmentID: nil, type: request.type, outcome: outcome, errorType: errorType, coldStart: false,
          accepted: WallClock.milliseconds(), phases: InvocationPhases(), billedMilliseconds: 0,
          memorySize: request.version.memory, maxMemoryUsed: MemorySize(bytes: 0), cpuMicroseconds: 0,
          requestBytes: Int64(request.payload.readableBytes), responseBytes: 0)))
  }
}

// MARK: What administrators ask

extension Dispatcher {
  package func environments() async -> [EnvironmentStatus] {
    var all = [EnvironmentStatus]()
    for pool in pools {
      for environment in pool.environments { all.append(await environment.status()) }
    }
    return all.sorted { ($0.started, $0.id) < ($1.started, $1.id) }
  }

  /// The artefacts that environments have mounted or are about to, whether the catalog still knows them or not.
  package func artifactsInUse() -> Set<ContentDigest> {
    Set(pools.flatMap { pool in [pool.version.code] + pool.version.layers })
  }

  /// Ends an environment, running or not.
  ///
  /// - Returns: false if there is none with this id.
  package func stop(environment id: String) async -> Bool {
    for pool in pools {
      guard let environment = pool.environments.first(where: { $0.id == id }) else { continue }
      pool.withdraw(environment)
      await environment.stop(reason: "stop")
      return true
    }
    return false
  }

  package func admissionFacts() -> AdmissionFacts {
    AdmissionFacts(
      concurrencyLimit: configuration.concurrencyLimit, concurrency: concurrency.running,
      budget: configuration.budget, committed: admission.committed,
      environments: pools.reduce(0) { $0 + $1.environments.count })
  }
}
