import Hummingbird
import Logging

/// The first thing a request meets: peers without permission get 403, and no body of theirs is read.
struct PeerGate: RouterMiddleware {
  var access: AdminAccess

  func handle(
    _ request: Request, context: AdminRequestContext, next: (Request, AdminRequestContext) async throws -> Response
  ) async throws -> Response {
    let peer = try await PeerCredentials.of(context.channel)
    guard let peer, access.permits(peer) else {
      let user = peer.map { "\($0.user)" } ?? "unknown"
      context.logger.notice("refused a peer on the admin socket", metadata: ["uid": "\(user)", "path": "\(request.uri.path)"])
      return AdminFault(status: .forbidden, message: "only root, the daemon's user and members of its group may do this").response
    }
    return try await next(request, context)
  }
}

/// Turns what routes throw into JSON for the command line.
struct FaultAnswers: RouterMiddleware {
  func handle(
    _ request: Request, context: AdminRequestContext, next: (Request, AdminRequestContext) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch let fault as AdminFault {
      return fault.response
    } catch let error as HTTPError {
      let message = error.body ?? (error.status == .notFound ? "no such path: \(request.uri.path)" : error.status.reasonPhrase)
      return AdminFault(status: error.status, message: message).response
    } catch {
      context.logger.error("admin request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
      return AdminFault(status: .internalServerError, message: "\(error)").response
    }
  }
}
