import FunctionModel
package import Hummingbird
package import NIOCore

/// What a request on the admin socket carries along: its connection, from which the peer is known.
package struct AdminRequestContext: RequestContext {
  package var coreContext: CoreRequestContextStorage
  package let channel: any Channel

  package init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }

  /// CreateFunction's body is the largest.
  package var maxUploadSize: Int { Limits.createFunctionBodyBytes }
}
