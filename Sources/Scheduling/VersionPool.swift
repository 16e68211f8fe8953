import Environments
import FunctionModel
import NIOCore
import Synchronization

/// All environments of one function version, and the requests that wait for one.
///
/// Every pool has its own lock: versions do not wait for one another.
final class VersionPool: Sendable {
  let version: FunctionVersion
  private let state = Mutex(State())

  struct Member {
    let environment: ExecutionEnvironment
    /// Still in its first init: it counts as a start under way.
    var isStarting = true
    /// Its caller is answered and it will be available in a moment.
    var isFinishing = false
  }

  struct Idle {
    let environment: ExecutionEnvironment
    let since: NIODeadline
  }

  private struct State {
    var members: [ObjectIdentifier: Member] = [:]
    /// The most recently used last, the unused first.
    var idle: [Idle] = []
    var waiting: [Invocation] = []
    /// Starts under way, from the decision on.
    var starting = 0
    var finishing = 0
    var isRetired = false
    /// Empty and about to be forgotten: who still holds it looks for its successor.
    var isClosed = false
    var reaperIsArmed = false
    var hedgeIsArmed = false

    mutating func closeIfEmpty() {
      isClosed = members.isEmpty && starting == 0 && waiting.isEmpty
    }
  }

  init(version: FunctionVersion) {
    self.version = version
  }

  enum Placement {
    case environment(ExecutionEnvironment)
    /// The request waits; an environment should be started.
    case start
    /// The request waits for an environment that is about to be available; look again in a moment.
    case soon(armHedge: Bool)
    /// The request waits for starts under way.
    case waits
    /// Nothing was placed; the version has, or will have, another pool.
    case closed
  }

  /// Gives the request to the most recently used idle environment, or lets it wait for whichever is ready first.
  func place(_ invocation: Invocation) -> Placement {
    state.withLock { state in
      if state.isClosed { return .closed }
      if let idle = state.idle.popLast() { return .environment(idle.environment) }
      state.waiting.append(invocation)
      if state.waiting.count <= state.starting { return .waits }
      guard state.waiting.count > state.starting + state.finishing else {
        defer { state.hedgeIsArmed = true }
        return .soon(armHedge: !state.hedgeIsArmed)
      }
      state.starting += 1
      return .start
    }
  }

  /// How many starts are due, now that who was about to be available has had its moment.
  func hedge() -> Int {
    state.withLock { state in
      state.hedgeIsArmed = false
      let due = max(0, state.waiting.count - state.starting)
      state.starting += due
      return due
    }
  }

  func admit(_ environment: ExecutionEnvironment) {
    state.withLock { $0.members[ObjectIdentifier(environment)] = Member(environment: environment) }
  }

  enum Availability {
    case take(Invocation)
    case idle(armReaper: Bool)
    case retire
    /// Its credentials end.
    case expire
  }

  func becameAvailable(_ environment: ExecutionEnvironment, now: NIODeadline) -> Availability {
    state.withLock { state in
      let isNew = state.members[ObjectIdentifier(environment)]?.isStarting == true
      settle(environment, &state)
      // Who waits is given another: see `ended`. But each serves one at least, however short its credentials last.
      if environment.isExpiring(at: now), !isNew || state.waiting.isEmpty { return .expire }
      if !state.waiting.isEmpty { return .take(state.waiting.removeFirst()) }
      if state.isRetired { return .retire }
      // One that nobody needed after all stands behind those that are in use.
      state.idle.insert(Idle(environment: environment, since: now), at: isNew ? 0 : state.idle.count)
      defer { state.reaperIsArmed = true }
      return .idle(armReaper: !state.reaperIsArmed)
    }
  }

  func isFinishing(_ environment: ExecutionEnvironment) {
    state.withLock { state in
      guard state.members[ObjectIdentifier(environment)]?.isFinishing == false else { return }
      state.members[ObjectIdentifier(environment)]?.isFinishing = true
      state.finishing += 1
    }
  }

  /// A start did not come to anything.
  ///
  /// - Returns: the request that wanted it, unless an environment that is about to be available will take it; and whether the pool is
  ///   empty and closed.
  func startFailed() -> (abandoned: Invocation?, isClosed: Bool) {
    state.withLock { state in
      state.starting -= 1
      let isServed = state.waiting.count <= state.starting + state.finishing
      let abandoned = isServed ? nil : state.waiting.popLast()
      state.closeIfEmpty()
      return (abandoned, state.isClosed)
    }
  }

  /// Every request that waits gives up.
  func abandonAll() -> [Invocation] {
    state.withLock { state in
      defer { state.waiting = [] }
      return state.waiting
    }
  }

  /// Whether an environment lives or is being started.
  var isOccupied: Bool { state.withLock { !$0.members.isEmpty || $0.starting > 0 } }

  /// An environment could not be made: one request gives up waiting for it. (The environment itself is settled when it ends.)
  func abandonOne() -> Invocation? {
    state.withLock { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
  }

  /// Nothing of `environment` is left.
  ///
  /// - Returns: whether the pool is empty and closed, and how many starts are due for requests that now wait in vain.
  func ended(_ environment: ExecutionEnvironment) -> (isClosed: Bool, due: Int) {
    state.withLock { state in
      settle(environment, &state)
      state.members[ObjectIdentifier(environment)] = nil
      state.idle.removeAll { $0.environment === environment }
      let due = max(0, state.waiting.count - state.starting)
      state.starting += due
      state.closeIfEmpty()
      return (state.isClosed, due)
    }
  }

  /// What was starting or finishing has done so.
  private func settle(_ environment: ExecutionEnvironment, _ state: inout State) {
    guard let member = state.members[ObjectIdentifier(environment)] else { return }
    if member.isStarting { state.starting -= 1 }
    if member.isFinishing { state.finishing -= 1 }
    state.members[ObjectIdentifier(environment)]?.isStarting = false
    state.members[ObjectIdentifier(environment)]?.isFinishing = false
  }

  /// No new environment will stay. Returns those that can be stopped now.
  func retire() -> [ExecutionEnvironment] {
    state.withLock { state in
      state.isRetired = true
      defer { state.idle = [] }
      return state.idle.map(\.environment)
    }
  }

  /// Takes out what has been idle since before `limit`, and says when to look again.
  func reap(before limit: NIODeadline) -> (environments: [ExecutionEnvironment], oldest: NIODeadline?) {
    state.withLock { state in
      let expired = state.idle.filter { $0.since <= limit }
      state.idle.removeAll { $0.since <= limit }
      state.reaperIsArmed = !state.idle.isEmpty
      return (expired.map(\.environment), state.idle.first?.since)
    }
  }

  /// Takes out the environment that has been idle longest if it has been so since before `limit`.
  func evict(idleSince limit: NIODeadline) -> ExecutionEnvironment? {
    state.withLock { state in
      guard let first = state.idle.first, first.since <= limit else { return nil }
      return state.idle.removeFirst().environment
    }
  }

  /// What the idle environments hold.
  var idleResources: HostResources { version.promise * state.withLock { $0.idle.count } }

  var account: String { version.function.owner.account }

  var longestIdle: NIODeadline? { state.withLock { $0.idle.first?.since } }

  var environments: [ExecutionEnvironment] { state.withLock { $0.members.values.map(\.environment) } }

  /// The same, if it is idle.
  ///
  /// - Returns: whether it was.
  func withdrawIfIdle(_ environment: ExecutionEnvironment) -> Bool {
    state.withLock { state in
      guard let index = state.idle.firstIndex(where: { $0.environment === environment }) else { return false }
      state.idle.remove(at: index)
      return true
    }
  }

  /// Takes `environment` out of the idle ones, so that no request meets its end.
  func withdraw(_ environment: ExecutionEnvironment) {
    state.withLock { state in state.idle.removeAll { $0.environment === environment } }
  }
}
