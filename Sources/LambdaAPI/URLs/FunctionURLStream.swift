internal import FunctionModel
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore
internal import Scheduling

/// A function's response on its way to the caller of a function URL whose invoke mode is `RESPONSE_STREAM`.
///
/// The parts come from the environment and wait here until the connection takes them; how many may wait is bounded by who sends them.
final class FunctionURLStream: Sendable {
  /// One part. Its sender is told that it is gone when nobody has it any more, written or not.
  final class Part: Sendable {
    let bytes: ByteBuffer
    let contentType: String?
    private let taken: @Sendable () -> Void

    init(_ bytes: ByteBuffer, contentType: String?, taken: @escaping @Sendable () -> Void) {
      self.bytes = bytes
      self.contentType = contentType
      self.taken = taken
    }

    deinit { taken() }
  }

  enum Step: Sendable {
    case part(Part)
    case end(InvocationResult)
  }

  /// The invocation failed when a part of its response had been sent: all that is left is to break off, so that nobody takes it for the whole.
  struct BrokenOff: Error {}

  /// How a runtime says that eight zero bytes end what it has to say of the response, and the response begins.
  private static let preludeType = "application/vnd.awslambda.http-integration-response"
  /// Bytes of status, headers and cookies.
  private static let preludeLimit = 64 << 10

  private let steps: AsyncStream<Step>

  /// - Parameter invoke: starts the invocation.
  init(_ request: InvocationRequest, _ invoke: (InvocationRequest, @escaping @Sendable (InvocationResult) -> Void) -> Void) {
    let (steps, continuation) = AsyncStream<Step>.makeStream()
    var request = request
    request.sink = { part, contentType, taken in continuation.yield(.part(Part(part, contentType: contentType, taken: taken))) }
    invoke(request) { result in
      continuation.yield(.end(result))
      continuation.finish()
    }
    self.steps = steps
  }

  /// Whatever became of the caller, the function is not to wait for him: what nobody will read any more is let go as it comes.
  deinit {
    Task { [steps] in
      for await _ in steps {}
    }
  }

  /// Waits until the function has said what its response is, or has ended.
  ///
  /// - Returns: the head, with what has come of the body.
  func head() async throws(ServiceError) -> FunctionURLReply {
    var held = ByteBuffer()
    for await step in steps {
      switch step {
      case .part(let part):
        guard part.contentType == Self.preludeType else { return FunctionURLReply(contentType: part.contentType, rest: part.bytes) }
        held.writeImmutableBuffer(part.bytes)
        if let (prelude, rest) = Self.split(held) {
          guard let reply = FunctionURLReply(prelude: prelude, rest: rest) else { throw .badGateway }
          return reply
        }
        guard held.readableBytes <= Self.preludeLimit else { throw .badGateway }
      case .end(.refused(let error)): throw error
      case .end(.completed(let reply)):
        guard !reply.functionError, reply.contentType != Self.preludeType else { throw .badGateway }
        return FunctionURLReply(contentType: reply.contentType, rest: reply.payload)
      }
    }
    throw .badGateway
  }

  /// What is left of the response after ``head()``.
  func body(after first: ByteBuffer) -> ResponseBody {
    ResponseBody { [self] writer in
      if first.readableBytes > 0 { try await writer.write(first) }
      for await step in steps {
        switch step {
        case .part(let part): try await writer.write(part.bytes)
        case .end(.completed(let reply)) where !reply.functionError: break
        case .end: throw BrokenOff()
        }
      }
      if Task.isCancelled { throw BrokenOff() }
      try await writer.finish(nil)
    }
  }

  /// No JSON contains a zero byte.
  private static func split(_ bytes: ByteBuffer) -> (prelude: ByteBuffer, rest: ByteBuffer)? {
    guard let zero = bytes.readableBytesView.firstIndex(of: 0) else { return nil }
    let length = zero - bytes.readerIndex
    guard bytes.readableBytes >= length + 8 else { return nil }
    var rest = bytes
    guard let prelude = rest.readSlice(length: length), rest.readInteger(as: UInt64.self) == 0 else { return nil }
    return (prelude, rest)
  }
}
