import Environments
import FunctionModel
import Glibc
import LinuxSystem
import Logging
import NIOCore
import NIOPosix
import Sandboxing
import Testing

@testable import Scheduling

/// Environments that are never started, for pools that only keep account of them.
private struct Yard {
  private let host: EnvironmentHost

  init() throws {
    var ends: [CInt] = [0, 0]
    precondition(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
    var problems = [String]()
    let spawner = try SandboxSpawner(
      socket: Descriptor(owning: ends[0]), watcher: try DescriptorWatcher(), logger: Logger(label: "test"), onEnd: {})
    close(ends[1])
    host = EnvironmentHost(
      spawner: spawner, images: RuntimeImages(directory: "/nonexistent", problems: &problems), artifacts: "/nonexistent", cpus: 1,
      logger: Logger(label: "test"))
  }

  var version: FunctionVersion {
    let id = FunctionID(owner: Owner(account: "000000000000", region: "us-east-1"), name: "f")
    return FunctionVersion(
      key: .init(function: id, version: "$LATEST", revision: "1"), runtime: Runtime("python3.11")!, handler: "h", role: "",
      timeout: .seconds(1), memory: .megabytes(128), ephemeralStorage: .megabytes(512), environment: [:],
      code: ContentDigest(String(repeating: "0", count: 64))!, layers: [], logGroup: "g")
  }

  func environment() -> ExecutionEnvironment {
    ExecutionEnvironment(
      id: "environment", version: version, hostUserID: 1, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), host: host,
      recorder: Nobody(), delegate: Nobody())
  }

  func request(_ id: String) -> Invocation {
    Invocation(
      requestID: id, invokedARN: "", payload: ByteBuffer(), contentType: nil, clientContext: nil, traceID: "", wantsLogTail: false,
      accepted: .now(), completion: { _ in })
  }
}

private final class Nobody: ExecutionEnvironmentDelegate, EnvironmentRecorder {
  func environmentIsAvailable(_ environment: ExecutionEnvironment) -> Invocation? { nil }
  func environmentIsFinishing(_ environment: ExecutionEnvironment) {}
  func environmentIsExpiring(_ environment: ExecutionEnvironment) {}
  func environmentIsLost(_ environment: ExecutionEnvironment) {}
  func environment(_ environment: ExecutionEnvironment, couldNotStart reason: String) {}
  func environmentEnded(_ environment: ExecutionEnvironment) {}
  func record(_ invocation: InvocationRecord) {}
  func record(_ environment: EnvironmentRecord) {}
  func record(_ line: LogRecord) {}
}

@Suite struct `A version's pool` {
  private let yard: Yard
  private let pool: VersionPool

  init() throws {
    yard = try Yard()
    pool = VersionPool(version: yard.version)
  }

  /// Has one environment in the pool, idle.
  private func idleEnvironment() -> ExecutionEnvironment {
    guard case .start = pool.place(yard.request("first")) else { fatalError("an empty pool starts one") }
    let environment = yard.environment()
    pool.admit(environment)
    guard case .take = pool.becameAvailable(environment, now: .now()) else { fatalError("the request waits for it") }
    _ = pool.becameAvailable(environment, now: .now())
    return environment
  }

  @Test func `starts one environment for each request that would wait, and no more`() {
    for id in ["a", "b", "c"] {
      guard case .start = pool.place(yard.request(id)) else { return #expect(Bool(false), "\(id) needs a start") }
    }
    #expect(pool.hedge() == 0)
  }

  @Test func `gives the most recently used environment first`() {
    let (old, recent) = (idleEnvironment(), yard.environment())
    _ = pool.place(yard.request("x"))
    _ = pool.place(yard.request("y"))
    pool.admit(recent)
    guard case .take = pool.becameAvailable(recent, now: .now()) else { return #expect(Bool(false), "y waits for it") }
    _ = pool.becameAvailable(old, now: .now())
    _ = pool.becameAvailable(recent, now: .now())
    guard case .environment(let chosen) = pool.place(yard.request("z")) else { return #expect(Bool(false), "two are idle") }
    #expect(chosen === recent)
    #expect(pool.evict(idleSince: .now()) === old)
  }

  @Test func `puts an environment that nobody needed after all behind those in use`() {
    let (used, unused) = (idleEnvironment(), yard.environment())
    pool.admit(unused)
    _ = pool.becameAvailable(unused, now: .now())
    guard case .environment(let chosen) = pool.place(yard.request("x")) else { return #expect(Bool(false), "two are idle") }
    #expect(chosen === used)
  }

  @Test func `lets a request wait for a finishing environment when its own start comes to nothing`() {
    let environment = idleEnvironment()
    _ = pool.place(yard.request("x"))
    pool.isFinishing(environment)
    _ = pool.place(yard.request("y"))
    #expect(pool.hedge() == 1)
    #expect(pool.startFailed().abandoned == nil)
    guard case .take(let next) = pool.becameAvailable(environment, now: .now()) else { return #expect(Bool(false), "y waits") }
    #expect(next.requestID == "y")
  }

  @Test func `waits a moment for an environment that is about to be available before it starts another`() {
    let environment = idleEnvironment()
    _ = pool.place(yard.request("x"))
    pool.isFinishing(environment)
    guard case .soon(armHedge: true) = pool.place(yard.request("y")) else { return #expect(Bool(false), "one is finishing") }
    guard case .start = pool.place(yard.request("z")) else { return #expect(Bool(false), "it can take one only") }
    #expect(pool.hedge() == 1)
    guard case .take(let next) = pool.becameAvailable(environment, now: .now()) else { return #expect(Bool(false), "y waits") }
    #expect(next.requestID == "y")
  }

  @Test func `starts anew for requests that an ended environment leaves waiting`() {
    _ = pool.place(yard.request("x"))
    let environment = yard.environment()
    pool.admit(environment)
    let (isClosed, due) = pool.ended(environment)
    #expect(!isClosed && due == 1)
  }

  @Test func `is closed when the last environment has ended, and places nothing then`() {
    let environment = idleEnvironment()
    #expect(pool.ended(environment).isClosed)
    guard case .closed = pool.place(yard.request("late")) else { return #expect(Bool(false), "it has a successor") }
  }

  @Test func `keeps nothing once retired`() {
    let idle = idleEnvironment()
    #expect(pool.retire().first === idle)
    let busy = yard.environment()
    pool.admit(busy)
    guard case .retire = pool.becameAvailable(busy, now: .now()) else { return #expect(Bool(false), "its revision is gone") }
  }

  @Test func `gives up what has been idle too long, the longest idle first`() {
    let environment = idleEnvironment()
    #expect(pool.reap(before: .now() - .seconds(60)).environments.isEmpty)
    let (expired, oldest) = pool.reap(before: .now())
    #expect(expired.first === environment && oldest == nil)
  }
}
