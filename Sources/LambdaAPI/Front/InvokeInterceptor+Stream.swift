internal import FoundationEssentials
internal import FunctionModel
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes
internal import Scheduling

// InvokeWithResponseStream: the head goes out with the first part of the response, each part as one message, and the end of the invocation as the last.
extension InvokeInterceptor {
  func runStreaming(_ request: InvocationRequest, _ context: ChannelHandlerContext) {
    var request = request
    let loop = context.eventLoop
    let answer = NIOLoopBound(StreamedAnswer(request), eventLoop: loop)
    let handler = NIOLoopBound((self, context), eventLoop: loop)
    request.sink = { part, _, taken in
      let pass: @Sendable () -> Void = {
        let (interceptor, context) = handler.value
        interceptor.pass(part, of: answer.value, context, taken)
      }
      if loop.inEventLoop { pass() } else { loop.execute(pass) }
    }
    invocations.invoker.invoke(request, on: loop) { result in
      let (interceptor, context) = handler.value
      interceptor.finish(answer.value, result, context)
    }
  }

  /// The client may have gone while the function runs; the function goes on, and what it still says is dropped.
  private func pass(
    _ part: ByteBuffer, of answer: StreamedAnswer, _ context: ChannelHandlerContext, _ taken: @escaping @Sendable () -> Void
  ) {
    guard turns.state == .invoking, context.channel.isActive else { return taken() }
    lastActivity = .now()
    begin(answer, context)
    let written = context.eventLoop.makePromise(of: Void.self)
    // Written or lost with the connection: either way it takes no more memory here.
    written.futureResult.whenComplete { _ in taken() }
    context.writeAndFlush(wrapOutboundOut(.body(EventStreamMessage.payloadChunk(part).encoded())), promise: written)
  }

  private func begin(_ answer: StreamedAnswer, _ context: ChannelHandlerContext) {
    guard !answer.hasBegun else { return }
    answer.hasBegun = true
    var head = answer.head
    head.headerFields[.date] = date.text()
    if turns.closesAfterTurn { head.headerFields[.connection] = "close" }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
  }

  private func finish(_ answer: StreamedAnswer, _ result: InvocationResult, _ context: ChannelHandlerContext) {
    // What did not run is refused like any request.
    if case .refused(let error) = result, !answer.hasBegun {
      return self.answer(ServiceResponse(error, requestID: answer.requestID), context)
    }
    guard turns.state == .invoking, context.channel.isActive else { return }
    lastActivity = .now()
    begin(answer, context)
    for message in answer.lastMessages(result) { context.write(wrapOutboundOut(.body(message.encoded())), promise: nil) }
    var written: EventLoopPromise<Void>?
    if turns.closesAfterTurn {
      let promise = context.eventLoop.makePromise(of: Void.self)
      promise.futureResult.assumeIsolated().whenComplete { _ in context.close(mode: .all, promise: nil) }
      written = promise
    }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    if !turns.invokeAnswered() { nextTurn(context) }
  }
}

/// The answer to one InvokeWithResponseStream request. Confined to the connection's event loop.
final class StreamedAnswer {
  let requestID: String
  let head: HTTPResponse
  var hasBegun = false

  init(_ request: InvocationRequest) {
    requestID = request.requestID
    var fields = HTTPFields()
    fields[.contentType] = "application/vnd.amazon.eventstream"
    fields[.amznRequestID] = request.requestID
    fields[.amzExecutedVersion] = request.version.version
    fields[.amznTraceID] = request.traceID
    head = HTTPResponse(status: .ok, headerFields: fields)
  }

  /// A response that was not streamed is one chunk; an error is none, but part of the end.
  func lastMessages(_ result: InvocationResult) -> [EventStreamMessage] {
    switch result {
    case .refused(let error): return [.exception(error.type, message: error.message)]
    case .completed(let reply):
      let end = EventStreamMessage.invokeComplete(
        errorCode: reply.functionError ? reply.errorType ?? "Unhandled" : nil,
        errorDetails: reply.functionError ? String(buffer: reply.payload) : nil,
        logResult: reply.logTail.map { Data($0.utf8).base64EncodedString() })
      return reply.functionError || reply.payload.readableBytes == 0 ? [end] : [.payloadChunk(reply.payload), end]
    }
  }
}
