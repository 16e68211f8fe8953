internal import Crypto
internal import FunctionModel

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
    let payloadHash = try payloadHash(bodyDigest)
    let stringToSign =
      "\(SignatureParameters.algorithm)\n\(parameters.timestamp)\n\(parameters.scope.text)\n"
      + hexadecimal(SHA256.hash(data: Array((canonical.prefix + payloadHash).utf8)))
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

/// Lower-case hexadecimal of a digest or an authentication code.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  text.reserveCapacity(64)
  for byte in bytes {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
  return String(decoding: text, as: UTF8.self)
}
