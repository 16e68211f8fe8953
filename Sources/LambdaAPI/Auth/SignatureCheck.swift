internal import Crypto
internal import FunctionModel
internal import Signing

/// A signature that awaits the hash of the body.
package struct SignatureCheck: Sendable {
  package let principal: Principal
  private let canonical: CanonicalRequest
  private let parameters: SignatureParameters
  private let key: SymmetricKey
  private let statedDigest: String?
  private let allowsUnsignedPayload: Bool

  static let mismatch =
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing "
    + "method. Consult the service documentation for details."

  init(
    principal: Principal, canonical: CanonicalRequest, parameters: SignatureParameters, key: SymmetricKey, statedDigest: String?,
    allowsUnsignedPayload: Bool
  ) {
    self.principal = principal
    self.canonical = canonical
    self.parameters = parameters
    self.key = key
    self.statedDigest = statedDigest
    self.allowsUnsignedPayload = allowsUnsignedPayload
  }

  package var service: String { parameters.scope.service }

  /// - Parameter bodyDigest: SHA-256 of the body, lower-case hexadecimal.
  func verify(bodyDigest: String) throws(ServiceError) {
    let stringToSign = canonical.stringToSign(
      payloadHash: try payloadHash(bodyDigest), timestamp: parameters.timestamp, scope: parameters.scope)
    guard let signature = Self.bytes(hexadecimal: parameters.signature),
      // Compares in constant time.
      HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: Array(stringToSign.utf8), using: key)
    else { throw .invalidSignature(Self.mismatch) }
  }

  private func payloadHash(_ bodyDigest: String) throws(ServiceError) -> String {
    guard let statedDigest else { return bodyDigest }
    if statedDigest == "UNSIGNED-PAYLOAD" {
      guard allowsUnsignedPayload else {
        throw .invalidSignature("UNSIGNED-PAYLOAD is not accepted over plain HTTP: sign the payload, or allow it in the configuration.")
      }
      return statedDigest
    }
    guard statedDigest == bodyDigest else {
      throw .invalidSignature("The provided 'x-amz-content-sha256' header does not match what was computed.")
    }
    return statedDigest
  }

  private static func bytes(hexadecimal text: String) -> [UInt8]? {
    let digits = text.utf8.compactMap(JSONScanner.hexadecimal)
    guard digits.count == 64, text.utf8.count == 64 else { return nil }
    return stride(from: 0, to: 64, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}
