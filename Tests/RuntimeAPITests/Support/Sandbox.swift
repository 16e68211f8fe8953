import Logging
import NIOCore
import NIOPosix
import Synchronization

@testable import RuntimeAPI

/// What a delegate was told, in a form that can be compared.
enum Told: Equatable, CustomStringConvertible {
  case ready
  case response(String, contentType: String?)
  case part(String)
  case streamed
  case error(String, type: String)
  case tooLarge
  case truncated
  case invalidResponseMode
  case initError(String, type: String)
  case told(ExtensionNotice)

  init(_ answer: RuntimeAnswer) {
    switch answer {
    case .response(let payload, let contentType): self = .response(String(buffer: payload), contentType: contentType)
    case .streamed: self = .streamed
    case .error(let payload, let type): self = .error(String(buffer: payload), type: type.classified)
    case .tooLarge: self = .tooLarge
    case .truncated: self = .truncated
    case .invalidResponseMode: self = .invalidResponseMode
    }
  }

  var description: String {
    switch self {
    case .ready: "ready"
    case .response(let body, let contentType): "response of \(body.utf8.count) bytes \(body.prefix(80)), \(contentType ?? "no type")"
    case .part(let part): "part of \(part.utf8.count) bytes \(part.prefix(80))"
    case .streamed: "streamed"
    case .truncated: "truncated"
    case .error(let body, let type): "error \(body.prefix(80)), \(type)"
    case .tooLarge: "too large"
    case .invalidResponseMode: "invalid response mode"
    case .told(let notice): "\(notice)"
    case .initError(let body, let type): "init error \(body.prefix(80)), \(type)"
    }
  }
}

/// Stands for the execution environment.
final class RecordingDelegate: RuntimeAPIDelegate {
  private let continuation: AsyncStream<Told>.Continuation
  /// Whether every part leaves room for more.
  let takesAll = Atomic(true)

  init(_ continuation: AsyncStream<Told>.Continuation) {
    self.continuation = continuation
  }

  func runtimeIsReady() { continuation.yield(.ready) }
  func runtimeAnswered(_ answer: RuntimeAnswer) { continuation.yield(Told(answer)) }
  func runtimeStreamed(_ part: ByteBuffer, contentType: String?) -> Bool {
    continuation.yield(.part(String(buffer: part)))
    return takesAll.load(ordering: .relaxed)
  }
  func extensionTold(_ notice: ExtensionNotice) { continuation.yield(.told(notice)) }
  func runtimeFailedToInitialize(_ error: RuntimeInitError) {
    continuation.yield(.initError(String(buffer: error.payload), type: error.type))
  }
}

/// A server on a loopback listener, and what its delegate hears.
struct Sandbox {
  let port: Int
  let server: RuntimeAPIServer
  let eventLoop: any EventLoop
  let delegate: RecordingDelegate
  private var told: AsyncStream<Told>.Iterator

  /// Not the loops of the clients, so that a test may hold one while its clients act.
  private static let loops = MultiThreadedEventLoopGroup(numberOfThreads: 2)

  /// The server lives as long as `body` runs.
  static func serving<Value>(_ function: RegisteredFunction = .sample(), _ body: (inout Sandbox) async throws -> Value) async throws
    -> Value
  {
    let listener = LoopbackListener()
    let eventLoop = loops.next()
    let (stream, continuation) = AsyncStream.makeStream(of: Told.self)
    let delegate = RecordingDelegate(continuation)
    let server = try await RuntimeAPIServer.serve(
      listener: listener.descriptor, on: eventLoop, delegate: delegate, function: function, subscribers: LoopbackListener.connect,
      logger: Logger(label: "test")
    ).get()
    var sandbox = Sandbox(port: listener.port, server: server, eventLoop: eventLoop, delegate: delegate, told: stream.makeAsyncIterator())
    do {
      let value = try await body(&sandbox)
      try await sandbox.close()
      return value
    } catch {
      try await sandbox.close()
      throw error
    }
  }

  func client() async throws -> RawClient {
    try await RawClient(port: port)
  }

  func deliver(_ event: RuntimeEvent) async throws {
    try await eventLoop.submit { [server] in server.deliver(event) }.get()
  }

  func close() async throws {
    try await eventLoop.flatSubmit { [server] in server.close() }.get()
  }

  /// What the delegate hears next.
  mutating func hears() async -> Told? {
    await told.next()
  }
}

extension RuntimeEvent {
  static func numbered(_ number: Int, payload: String = #"{"n":1}"#, streamLimit: Int? = nil) -> RuntimeEvent {
    RuntimeEvent(
      requestID: "8476a536-e9f4-11e8-9739-2dfe598c3f\(number < 10 ? "0" : "")\(number)", deadline: 1_542_409_706_888,
      invokedFunctionARN: "arn:aws:lambda:us-east-1:000000000000:function:f",
      traceID: "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1", payload: ByteBuffer(string: payload),
      streamLimit: streamLimit)
  }
}

extension RegisteredFunction {
  static func sample(_ external: [String] = []) -> RegisteredFunction {
    RegisteredFunction(
      name: "f", version: "$LATEST", handler: "a.b", account: "000000000000", externalExtensions: external,
      metadata: EnvironmentMetadata(token: "8476a536-e9f4-41e8-9739-2dfe598c3f01", availabilityZoneID: "use1-az1"))
  }
}

/// Request lines and heads of the calls.
enum Call {
  static let next = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1:9001\r\n\r\n"

  static func post(_ path: String, _ body: String, _ fields: String = "") -> String {
    "POST /2018-06-01/runtime/\(path) HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)"
  }

  static func response(_ event: RuntimeEvent, _ body: String, _ fields: String = "") -> String {
    post("invocation/\(event.requestID)/response", body, fields)
  }

  static func error(_ event: RuntimeEvent, _ body: String, _ fields: String = "") -> String {
    post("invocation/\(event.requestID)/error", body, fields)
  }
}
