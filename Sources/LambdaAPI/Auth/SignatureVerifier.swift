internal import Signing
internal import Crypto
package import FunctionModel
package import HTTPTypes

/// Verifies AWS Signature Version 4 against a ``CredentialStore``.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
package struct SignatureVerifier: Authenticator {
  private let credentials: CredentialStore
  private let owner: Owner
  private let allowsUnsignedPayload: Bool
  private let clock: TimeSource
  private let keys = SigningKeys()

  /// How far the clocks of client and host may lie apart, in seconds.
  private static let skew: Int64 = 300

  /// - Parameters:
  ///   - owner: the region this host is, and the account of access keys that name none.
  ///   - allowsUnsignedPayload: whether `UNSIGNED-PAYLOAD` is accepted; without TLS it leaves the body open to change.
  package init(credentials: CredentialStore, owner: Owner, allowsUnsignedPayload: Bool = false, clock: TimeSource = .system) {
    self.credentials = credentials
    self.owner = owner
    self.allowsUnsignedPayload = allowsUnsignedPayload
    self.clock = clock
  }

  package func begin(_ head: HTTPRequest) throws(ServiceError) -> PendingAuthentication {
    let parameters = try SignatureParameters(head)
    guard let credential = credentials.credential(id: parameters.scope.accessKeyID), head.headerFields[.amzSecurityToken] == nil
    else { throw .unrecognizedClient }
    try checkTime(parameters)
    try checkScope(parameters)
    try checkCoverage(parameters, head)
    guard let canonical = CanonicalRequest(head, signedHeaders: parameters.signedHeaders) else {
      throw .invalidSignature(SignatureCheck.mismatch)
    }
    let principal = Principal(
      owner: Owner(account: credential.account ?? owner.account, region: owner.region), name: parameters.scope.accessKeyID)
    return .awaitingBody(
      SignatureCheck(
        principal: principal, canonical: canonical, parameters: parameters,
        key: keys.key(secret: credential.secret, scope: parameters.scope),
        statedDigest: head.headerFields[.amzContentSHA256], allowsUnsignedPayload: allowsUnsignedPayload))
  }

  private func checkTime(_ parameters: SignatureParameters) throws(ServiceError) {
    guard let signed = CalendarTime.seconds(basic: parameters.timestamp) else {
      throw .incompleteSignature(
        "Date must be in ISO-8601 'basic format'. Got '\(parameters.timestamp)'. See http://en.wikipedia.org/wiki/ISO_8601")
    }
    let now = clock.milliseconds() / 1_000
    func text(_ seconds: Int64) -> String { CalendarTime(milliseconds: seconds * 1_000).basic }
    let oldest = now - (parameters.expires.map(Int64.init) ?? Self.skew)
    if signed < oldest {
      let allowance = parameters.expires.map { "\($0) s" } ?? "\(Self.skew / 60) min"
      throw .invalidSignature("Signature expired: \(text(signed)) is now earlier than \(text(oldest)) (\(text(now)) - \(allowance).)")
    }
    if signed > now + Self.skew {
      throw .invalidSignature(
        "Signature not yet current: \(text(signed)) is still later than \(text(now + Self.skew)) (\(text(now)) + \(Self.skew / 60) min.)")
    }
  }

  private func checkScope(_ parameters: SignatureParameters) throws(ServiceError) {
    let scope = parameters.scope
    guard scope.date == parameters.timestamp.prefix(8) else {
      throw .invalidSignature(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '\(scope.date)' != "
          + "'\(parameters.timestamp.prefix(8))', from '\(parameters.timestamp)'.")
    }
    guard scope.terminator == "aws4_request" else {
      throw .invalidSignature("Credential should be scoped with a valid terminator: 'aws4_request', not '\(scope.terminator)'.")
    }
    guard scope.region == owner.region else {
      throw .invalidSignature("Credential should be scoped to a valid region, not '\(scope.region)'. This host is '\(owner.region)'.")
    }
  }

  /// `host` and every `x-amz-` header must be covered, or they could be changed on the way.
  private func checkCoverage(_ parameters: SignatureParameters, _ head: HTTPRequest) throws(ServiceError) {
    let signed = Set(parameters.signedHeaders)
    guard signed.contains("host") else {
      throw .invalidSignature("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    }
    let uncovered = head.headerFields.map(\.name.canonicalName).filter { $0.hasPrefix("x-amz-") && !signed.contains($0) }
    guard uncovered.isEmpty else {
      throw .invalidSignature("There were headers present in the request which were not signed: \(uncovered.joined(separator: ", "))")
    }
  }
}
