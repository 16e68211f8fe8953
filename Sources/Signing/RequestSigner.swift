internal import Crypto
package import HTTPTypes

/// Signs requests with Signature Version 4, in the header.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
package struct RequestSigner: Sendable {
  package var accessKeyID: String
  package var secretAccessKey: String
  package var sessionToken: String?
  package var region: String
  package var service: String

  package init(accessKeyID: String, secretAccessKey: String, sessionToken: String?, region: String, service: String) {
    self.accessKeyID = accessKeyID
    self.secretAccessKey = secretAccessKey
    self.sessionToken = sessionToken
    self.region = region
    self.service = service
  }

  /// Adds `X-Amz-Date`, the session token where there is one, and `Authorization`, which covers every header that `request` has and its authority.
  ///
  /// - Parameter timestamp: the time of the request, `YYYYMMDDThhmmssZ`.
  package func sign(_ request: inout HTTPRequest, body: [UInt8], timestamp: String) {
    request.headerFields[.amzDate] = timestamp
    request.headerFields[.amzSecurityToken] = sessionToken
    let names = Set(request.headerFields.map { $0.name.canonicalName } + ["host"]).sorted()
    guard let canonical = CanonicalRequest(request, signedHeaders: names) else {
      preconditionFailure("a request that is signed has an authority")
    }
    let scope = CredentialScope(accessKeyID: accessKeyID, date: String(timestamp.prefix(8)), region: region, service: service)
    let text = canonical.stringToSign(
      payloadHash: Hexadecimal.text(SHA256.hash(data: body)), timestamp: timestamp, scope: scope)
    let key = SigningKeys.derive(secret: secretAccessKey, scope: scope)
    let signature = Hexadecimal.text(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
    request.headerFields[.authorization] =
      "\(CanonicalRequest.algorithm) Credential=\(accessKeyID)/\(scope.text), SignedHeaders=\(names.joined(separator: ";")), Signature=\(signature)"
  }
}
