internal import FunctionModel
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes
internal import Scheduling

// An Invoke request from its first body part to its answer.
extension InvokeInterceptor {
  func receive(_ body: ByteBuffer, _ context: ChannelHandlerContext) {
    pending?.append(body)
    guard let pending, pending.received > Limits.createFunctionBodyBytes else { return }
    // More than any request may have: no use in reading on.
    abandon(pending.refusal ?? .payloadTooLarge(pending.route.operation), context)
  }

  func finishReceiving(_ context: ChannelHandlerContext) {
    requestStarted = nil
    guard let request = pending.take() else { return }
    turns.invokeReceived()
    let requestID = identifiers.uuid()
    do throws(ServiceError) {
      let (head, route) = (request.head, request.route)
      let (caller, payload) = try request.finish()
      let plan = try invocations.plan(
        head, route, payload: payload, caller: caller, requestID: requestID, identifiers: &identifiers)
      switch plan {
      case .nothing: answer(.nothing(requestID: requestID), context)
      case .accept(let event): accept(event, context)
      case .run(let request):
        switch route.operation {
        case .invoke, .invokeAsync: run(request, context)
        case .invokeWithResponseStream: runStreaming(request, context)
        }
      }
    } catch {
      answer(ServiceResponse(error, requestID: requestID), context)
    }
  }

  private func run(_ request: InvocationRequest, _ context: ChannelHandlerContext) {
    let handler = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let (requestID, traceID) = (request.requestID, request.traceID)
    invocations.invoker.invoke(request, on: context.eventLoop) { result in
      let (interceptor, context) = handler.value
      interceptor.answer(Invocations.response(result, requestID: requestID, traceID: traceID), context)
    }
  }

  private func accept(_ event: QueuedEvent, _ context: ChannelHandlerContext) {
    let invoker = invocations.invoker
    let accepted = context.eventLoop.makeFutureWithTask { () async -> ServiceError? in
      do throws(ServiceError) {
        try await invoker.accept(event)
        return nil
      } catch { return error }
    }
    accepted.assumeIsolated().whenSuccess { [self] error in
      answer(error.map { ServiceResponse($0, requestID: event.requestID) } ?? .accepted(requestID: event.requestID), context)
    }
  }

  func answer(_ response: ServiceResponse, _ context: ChannelHandlerContext) {
    // The client may have gone while the function ran.
    guard turns.state == .invoking, context.channel.isActive else { return }
    lastActivity = .now()
    write(response, thenClosing: turns.closesAfterTurn ? .all : nil, context)
    if !turns.invokeAnswered() { nextTurn(context) }
  }

  /// Writes and flushes, and closes that side of the connection once all is with the kernel.
  private func write(_ response: ServiceResponse, thenClosing side: CloseMode?, _ context: ChannelHandlerContext) {
    var head = response.head
    head.headerFields[.date] = date.text()
    var written: EventLoopPromise<Void>?
    if let side {
      head.headerFields[.connection] = "close"
      let promise = context.eventLoop.makePromise(of: Void.self)
      promise.futureResult.assumeIsolated().whenComplete { _ in context.close(mode: side, promise: nil) }
      written = promise
    }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if response.body.readableBytes > 0 { context.write(wrapOutboundOut(.body(response.body)), promise: nil) }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
  }

  /// Answers while the body still arrives. The connection can serve no more: it is closed for writing, and what comes is dropped until the
  /// client closes too or the idle timer does (closing at once would reset the connection, and the client might never read the answer).
  func abandon(_ error: ServiceError, _ context: ChannelHandlerContext) {
    pending = nil
    turns.finish()
    write(ServiceResponse(error, requestID: identifiers.uuid()), thenClosing: .output, context)
  }
}
