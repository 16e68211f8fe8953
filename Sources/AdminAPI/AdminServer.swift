import FoundationEssentials
package import FunctionModel
package import Hummingbird
package import HummingbirdCore
package import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// Serves the admin paths, and AWS's beside them, on a Unix socket until it is shut down gracefully.
package struct AdminServer: Service {
  /// Path of the socket: `<state-dir>/run/admin.sock`, at most 107 bytes (`sun_path` of unix(7)). Its directory exists.
  package var socketPath: String
  package var owner: Owner
  package var backend: any AdminBackend
  package var access: AdminAccess
  package var logger: Logger
  /// How connections are set up; another one may put handlers of its own into their pipelines.
  package var connections: HTTPServerBuilder
  /// Adds AWS's paths. They stand behind the peer check and need no signature.
  package var mountLambdaPaths: @Sendable (Router<AdminRequestContext>) -> Void

  package init(
    socketPath: String, owner: Owner, backend: any AdminBackend, access: AdminAccess = .ofThisProcess, logger: Logger,
    connections: HTTPServerBuilder = .http1(),
    mountLambdaPaths: @escaping @Sendable (Router<AdminRequestContext>) -> Void
  ) {
    self.socketPath = socketPath
    self.owner = owner
    self.backend = backend
    self.access = access
    self.logger = logger
    self.connections = connections
    self.mountLambdaPaths = mountLambdaPaths
  }

  /// Binds the socket in place of a stale one, serves, and takes it away at the end. Only the holder of the state directory's lock may
  /// run it, as a live socket would be replaced just as well.
  package func run() async throws {
    try await run(onServing: {})
  }

  /// As ``run()``; `onServing` is called once the socket is bound and may be connected to.
  package func run(onServing: @escaping @Sendable () -> Void) async throws {
    let (path, logger) = (socketPath, logger)
    let bound = Mutex<SocketFile?>(nil)
    let application = Application(
      router: router(), server: connections, configuration: .init(address: .unixDomainSocket(path: path)),
      onServerRunning: { channel in
        do {
          // Between bind and here the umask has kept the group out, and nobody in.
          try FileManager.default.setAttributes([.posixPermissions: 0o660], ofItemAtPath: path)
          bound.withLock { $0 = SocketFile(at: path) }
          onServing()
        } catch {
          logger.error("cannot open the admin socket to its group", metadata: ["path": "\(path)", "error": "\(error)"])
          channel.close(promise: nil)
        }
      },
      logger: logger)
    // However it ends, nobody shall find a socket that nobody serves; it may be gone already, with its directory. Or it is our successor's:
    // after `kill -9` of roostd the next may be there before we have ended.
    defer {
      if let bound = bound.withLock({ $0 }), bound == SocketFile(at: path) { try? FileManager.default.removeItem(atPath: path) }
    }
    try await application.run()
  }

  private func router() -> Router<AdminRequestContext> {
    let router = Router(context: AdminRequestContext.self)
    router.add(middleware: FaultAnswers())
    router.add(middleware: PeerGate(access: access))
    AdminRoutes(owner: owner, backend: backend).add(to: router)
    mountLambdaPaths(router)
    return router
  }
}

/// Which file a path leads to.
private struct SocketFile: Sendable, Equatable {
  let number: UInt64

  /// `nil` when there is none.
  init?(at path: String) {
    // Whatever the reason, it is not the one that we bound.
    guard let number = (try? FileManager.default.attributesOfItem(atPath: path))?[.systemFileNumber] as? UInt64 else { return nil }
    self.number = number
  }
}
