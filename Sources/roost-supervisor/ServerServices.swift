import AdminAPI
import FunctionModel
import Glibc
import LambdaAPI
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// The front and the administrator's socket, as services, and the ready line when both accept connections.
struct ServerServices {
  let all: [any Service]

  init(configuration: Configuration, service: LambdaService, desk: AdminDesk, eventLoops: any EventLoopGroup) {
    let readiness = Readiness(stateDirectory: configuration.stateDirectory)
    let makeFrontService: @Sendable () -> any Service = {
      makeFront(service, eventLoopGroup: eventLoops, logger: Logger(label: "roost.front")) { address in
        readiness.frontServes(at: address, host: configuration.host)
      }
    }
    let admin = AdminServer(
      socketPath: "\(configuration.stateDirectory)/run/admin.sock", owner: configuration.owner, backend: desk,
      logger: Logger(label: "roost.admin")
    ) { router in
      service.addRoutes(to: router, as: Principal(owner: configuration.owner, name: "admin.sock"))
    }
    all = [
      FrontService(
        makeFront: makeFrontService, address: "\(configuration.host):\(configuration.port)", readiness: readiness),
      AdminService(server: admin, readiness: readiness),
    ]
  }
}

/// The front; says what is wrong in words if it cannot listen.
private struct FrontService: Service {
  let makeFront: @Sendable () -> any Service
  let address: String
  let readiness: Readiness

  /// After `kill -9` of roostd the supervisor before us may hold the address for a moment longer.
  private static let patience = Duration.seconds(3)

  func run() async throws {
    let deadline = ContinuousClock.now + Self.patience
    while true {
      do {
        return try await makeFront().run()
      } catch let error as IOError where error.errnoCode == EADDRINUSE && ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(100))
      } catch {
        guard !readiness.frontIsServing else { throw error }
        throw StartError("cannot listen on \(address): \(error)")
      }
    }
  }
}

/// The administrator's socket; tells when it serves.
private struct AdminService: Service {
  let server: AdminServer
  let readiness: Readiness

  func run() async throws {
    try await server.run(onServing: { readiness.adminServes() })
  }
}

/// Prints the one line on standard output when everything accepts connections.
private final class Readiness: Sendable {
  private let stateDirectory: String
  private let state = Mutex<(endpoint: String?, admin: Bool)>((nil, false))

  init(stateDirectory: String) {
    self.stateDirectory = stateDirectory
  }

  func frontServes(at address: SocketAddress?, host: String) {
    let authority = host.contains(":") ? "[\(host)]" : host
    tell { $0.endpoint = "http://\(authority):\(address?.port ?? 0)" }
  }

  var frontIsServing: Bool { state.withLock { $0.endpoint != nil } }

  func adminServes() { tell { $0.admin = true } }

  private func tell(_ change: (inout sending (endpoint: String?, admin: Bool)) -> Void) {
    let endpoint = state.withLock { state -> String? in
      change(&state)
      return state.admin ? state.endpoint : nil
    }
    guard let endpoint else { return }
    print("roost ready at \(endpoint) (state \(stateDirectory))")
    fflush(nil)
  }
}
