internal import FunctionModel
package import Hummingbird
internal import HummingbirdCore
package import Logging
package import NIOCore
package import ServiceLifecycle

/// The front server: AWS Lambda's API over HTTP/1.1.
///
/// A service of swift-service-lifecycle: it serves until a graceful shutdown, then takes no new connection, lets the requests in hand end
/// and returns.
///
/// - Parameters:
///   - service: whose configuration says where to listen and whom to trust.
///   - onServing: called once, when connections are accepted, with the address bound.
package func makeFront(
  _ service: LambdaService, eventLoopGroup: any EventLoopGroup, logger: Logger,
  onServing: @escaping @Sendable (SocketAddress?) async -> Void = { _ in }
) -> some Service {
  let configuration = service.configuration
  let authenticator = configuration.makeAuthenticator(clock: service.clock)
  let invocations = service.invocations
  // The idle timer is the interceptor's: the one behind it does not see Invoke requests and would cut them off.
  let connections = HTTP1Channel.Configuration(
    additionalChannelHandlers: [
      InvokeInterceptor(invocations: invocations, authenticator: authenticator, configuration: configuration)
    ],
    idleTimeout: nil,
    httpDecoderConfiguration: .init(maxHeaderFieldSize: 16 * 1_024, maxHeaderListSize: 64 * 1_024, maxHeaderFieldCount: 100))
  return Application(
    responder: FrontResponder(service: service, authenticator: authenticator),
    server: .http1(configuration: connections),
    configuration: .init(address: .hostname(configuration.host, port: configuration.port), serverName: nil),
    onServerRunning: { await onServing($0.localAddress) },
    eventLoopGroupProvider: .shared(eventLoopGroup),
    logger: logger)
}

extension LambdaService {
  /// Adds every Lambda path, Invoke included, to another server's router: the administrator's socket, which has learnt by other means who
  /// calls. Requests are not authenticated here.
  ///
  /// - Parameter caller: as whom all requests that get so far are performed.
  package func addRoutes<Context: RequestContext>(to router: Router<Context>, as caller: Principal) {
    for prefix in Operation.prefixes.sorted() {
      for method in [HTTPRequest.Method.get, .post, .put, .delete] {
        router.on("/\(prefix)/**", method: method) { [self] request, _ in
          do throws(ServiceError) {
            return Response(
              try await answer(request) { (body) async throws(ServiceError) in await respond(to: request.head, body: body, as: caller) })
          } catch {
            var identifiers = IdentifierSource()
            return Response(ServiceResponse(error, requestID: identifiers.uuid()))
          }
        }
      }
    }
  }
}
