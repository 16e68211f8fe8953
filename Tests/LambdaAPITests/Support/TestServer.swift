import FoundationEssentials
import FunctionModel
import LambdaAPI
import Logging
import NIOCore
import NIOPosix
import Scheduling
import ServiceLifecycle
import Store
import Synchronization

/// A front server over a catalog in a temporary folder, with a scheduler that the test plays.
struct TestServer: Sendable {
  static let owner = Owner(account: "000000000000", region: "us-east-1")
  static let key = Credential(id: "AKIAROOSTEXAMPLE0001", secret: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN")

  let service: LambdaService
  let invoker: FakeInvoker
  let port: Int
  let group: ServiceGroup

  /// Serves for as long as `body` runs; then shuts down gracefully and removes everything.
  static func with<Value: Sendable>(
    authentication: FrontConfiguration.Authentication = .none, idleTimeout: TimeAmount = .seconds(60),
    requestTimeout: TimeAmount = .seconds(60), clock: TimeSource = .system, _ body: @Sendable (TestServer) async throws -> Value
  ) async throws -> Value {
    let directory = FileManager.default.temporaryDirectory.appending(path: "roost-lambda-\(UUID())").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }  // a temporary folder; what is left does no harm
    let invoker = FakeInvoker()
    let catalog = try Catalog(path: "\(directory)/roost.sqlite")
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let service = LambdaService(
      catalog: catalog, artifacts: try ArtifactStore(directory: "\(directory)/artifacts", unpacker: InProcessUnpacker()), invoker: invoker,
      configuration: FrontConfiguration(
        port: 0, owner: owner, authentication: authentication,
        runtimes: [Runtime("python3.11")!: String(repeating: "a", count: 64), Runtime("provided.al2023")!: nil], architecture: "x86_64",
        idleTimeout: idleTimeout, requestTimeout: requestTimeout),
      logger: logger, clock: clock)
    return try await serve(service, invoker, logger, body)
  }

  private static func serve<Value: Sendable>(
    _ service: LambdaService, _ invoker: FakeInvoker, _ logger: Logger, _ body: @Sendable (TestServer) async throws -> Value
  ) async throws -> Value {
    let (ports, serving) = AsyncStream.makeStream(of: Int.self)
    let front = makeFront(service, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger) { address in
      serving.yield(address?.port ?? 0)
    }
    let group = ServiceGroup(configuration: .init(services: [front], gracefulShutdownSignals: [], logger: logger))
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      var iterator = ports.makeAsyncIterator()
      guard let port = await iterator.next() else { throw CancellationError() }
      let result: Value
      do { result = try await body(TestServer(service: service, invoker: invoker, port: port, group: group)) } catch {
        await group.triggerGracefulShutdown()
        throw error
      }
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
      return result
    }
  }
}

/// The scheduler's part, played by the test: answers at once, or keeps invocations until they are released.
final class FakeInvoker: Invoker {
  struct Call: Sendable {
    var request: InvocationRequest
    var eventLoop: any EventLoop
    var completion: @Sendable (InvocationResult) -> Void

    /// Gives the caller a part of the response, from another thread, as an environment's event loop does.
    func stream(_ part: String, taken: @escaping @Sendable () -> Void = {}) { request.sink?(ByteBuffer(string: part), nil, taken) }

    func answer(_ result: InvocationResult) { eventLoop.execute { completion(result) } }
  }

  private struct State {
    var answer: (@Sendable (InvocationRequest) -> InvocationResult)? = FakeInvoker.echo
    var changed: [FunctionID] = []
    var accepted: [QueuedEvent] = []
  }

  private let state = Mutex(State())
  private let (stream, continuation) = AsyncStream.makeStream(of: Call.self)

  /// Answers with the event itself.
  static let echo: @Sendable (InvocationRequest) -> InvocationResult = { request in
    .completed(
      InvocationReply(
        payload: request.payload, contentType: nil, functionError: false, executedVersion: "$LATEST",
        logTail: request.wantsLogTail ? "END RequestId: \(request.requestID)\n" : nil))
  }

  /// `nil` keeps calls for ``next()``.
  func setAnswer(_ answer: (@Sendable (InvocationRequest) -> InvocationResult)?) { state.withLock { $0.answer = answer } }

  var changed: [FunctionID] { state.withLock { $0.changed } }

  func invoke(_ request: InvocationRequest, on eventLoop: any EventLoop, completion: @escaping @Sendable (InvocationResult) -> Void) {
    let call = Call(request: request, eventLoop: eventLoop, completion: completion)
    if let answer = state.withLock({ $0.answer }) { call.answer(answer(request)) } else { continuation.yield(call) }
  }

  func accept(_ event: QueuedEvent) async throws(ServiceError) { state.withLock { $0.accepted.append(event) } }

  var accepted: [QueuedEvent] { state.withLock { $0.accepted } }

  func functionChanged(_ id: FunctionID) { state.withLock { $0.changed.append(id) } }

  /// The next invocation that was kept; waits for it.
  func next() async -> Call {
    for await call in stream { return call }
    fatalError("the stream of calls does not end")
  }
}
