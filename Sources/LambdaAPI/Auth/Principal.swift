internal import Signing
package import FunctionModel
package import HTTPTypes

/// On whose behalf a request is made.
package struct Principal: Sendable, Hashable {
  /// Whose functions the request means when it does not say.
  package var owner: Owner
  /// For logs: an access key id, or how else the caller was recognised.
  package var name: String

  package init(owner: Owner, name: String) {
    self.owner = owner
    self.name = name
  }
}

/// Decides who makes a request.
///
/// It works in two steps, because a signature covers the body: what the head alone shows to be wrong is refused before a body is read.
package protocol Authenticator: Sendable {
  func begin(_ head: HTTPRequest) throws(ServiceError) -> PendingAuthentication
}

/// What is left to do after ``Authenticator/begin(_:)``.
package enum PendingAuthentication: Sendable {
  /// Nothing: the body needs no check.
  case settled(Principal, service: String)
  /// The signature, once the SHA-256 of the body is known.
  case awaitingBody(SignatureCheck)

  /// The AWS service the caller addresses, as in `lambda`.
  package var service: String {
    switch self {
    case .settled(_, let service): service
    case .awaitingBody(let check): check.service
    }
  }

  /// - Parameter bodyDigest: computes the SHA-256 of the body as lower-case hexadecimal; called at most once.
  package func finish(bodyDigest: () -> String) throws(ServiceError) -> Principal {
    switch self {
    case .settled(let principal, _): return principal
    case .awaitingBody(let check):
      try check.verify(bodyDigest: bodyDigest())
      return check.principal
    }
  }
}

/// Accepts everything: `--auth none`, for a loopback listener only.
package struct OpenAuthenticator: Authenticator {
  private let principal: Principal

  package init(owner: Owner) { principal = Principal(owner: owner, name: "anonymous") }

  package func begin(_ head: HTTPRequest) -> PendingAuthentication {
    let scope = (try? SignatureParameters(head))?.scope  // no signature, or one that nobody checks: then it is Lambda that is meant
    return .settled(principal, service: scope?.service ?? "lambda")
  }
}
