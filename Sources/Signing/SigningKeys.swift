package import Crypto
internal import FoundationEssentials
internal import Synchronization

/// The signing keys derived so far: four HMACs that need be done once per access key and day.
package final class SigningKeys: Sendable {
  private struct Name: Hashable {
    var accessKeyID, date, region, service: String
  }

  /// More than access keys × two days at any time of use; what is over is dropped, it can be derived again.
  private static let capacity = 256
  private let keys = Mutex<[Name: SymmetricKey]>([:])

  package init() {}

  package func key(secret: String, scope: CredentialScope) -> SymmetricKey {
    let name = Name(accessKeyID: scope.accessKeyID, date: scope.date, region: scope.region, service: scope.service)
    if let known = keys.withLock({ $0[name] }) { return known }
    let derived = Self.derive(secret: secret, scope: scope)
    keys.withLock { keys in
      if keys.count >= Self.capacity { keys.removeAll() }
      keys[name] = derived
    }
    return derived
  }

  /// The key that signs for one day, region and service.
  package static func derive(secret: String, scope: CredentialScope) -> SymmetricKey {
    var key = SymmetricKey(data: Array("AWS4\(secret)".utf8))
    for part in [scope.date, scope.region, scope.service, "aws4_request"] {
      key = SymmetricKey(data: Data(HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key)))
    }
    return key
  }
}
