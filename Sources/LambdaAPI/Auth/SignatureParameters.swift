package import FunctionModel
package import HTTPTypes
package import Signing

/// What a request says of its own signature, in the `Authorization` header or, presigned, in the query.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>
package struct SignatureParameters: Sendable, Hashable {
  package var scope: CredentialScope
  /// Lower-case names, in the order given.
  package var signedHeaders: [String]
  package var signature: String
  /// `YYYYMMDDThhmmssZ`.
  package var timestamp: String
  /// Seconds a presigned request stays good; `nil` for one signed in its header.
  package var expires: Int?

  static let algorithm = CanonicalRequest.algorithm

  package init(_ head: HTTPRequest) throws(ServiceError) {
    if let authorization = head.headerFields[.authorization] {
      try self.init(authorization: authorization, head)
    } else if let target = head.path, target.utf8.contains(UInt8(ascii: "?")), target.contains("X-Amz-") {
      try self.init(query: RequestTarget(target))
    } else {
      throw .missingAuthenticationToken
    }
  }

  private init(authorization: String, _ head: HTTPRequest) throws(ServiceError) {
    let separators: Set<Character> = [" ", ",", "\t"]
    let words = authorization.split(whereSeparator: separators.contains)
    guard words.first == Self.algorithm[...] else {
      throw .incompleteSignature("Authorization header does not begin with '\(Self.algorithm)'.")
    }
    var values: [Substring: String] = [:]
    for word in words.dropFirst() {
      let pair = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2 else {
        throw .incompleteSignature("'\(word)' not a valid key=value pair (missing equal-sign) in Authorization header: '\(authorization)'.")
      }
      values[pair[0]] = String(pair[1])
    }
    let missing = ["Credential", "Signature", "SignedHeaders"].filter { values[$0[...]] == nil }
      .map { "Authorization header requires '\($0)' parameter." }
    guard missing.isEmpty else { throw .incompleteSignature(missing.joined(separator: " ") + " Authorization=\(Self.algorithm)") }
    guard let timestamp = head.headerFields[.amzDate] else {
      throw .incompleteSignature("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    }
    try self.init(
      credential: values["Credential"], headers: values["SignedHeaders"], signature: values["Signature"], timestamp: timestamp,
      expires: nil)
  }

  private init(query: RequestTarget) throws(ServiceError) {
    guard query.value("X-Amz-Algorithm") == Self.algorithm else {
      throw .incompleteSignature("AWS query-string parameters must include 'X-Amz-Algorithm' with value '\(Self.algorithm)'.")
    }
    let names = ["X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Expires"]
    let missing = names.filter { query.value($0) == nil }
    guard missing.isEmpty else {
      throw .incompleteSignature(
        "AWS query-string parameters must include " + missing.map { "'\($0)'" }.joined(separator: ", ")
          + ". Re-examine the query-string parameters.")
    }
    guard let expires = query.value("X-Amz-Expires").flatMap(Int.init), (1...604_800).contains(expires) else {
      throw .incompleteSignature("'X-Amz-Expires' must be a number of seconds from 1 to 604800.")
    }
    try self.init(
      credential: query.value("X-Amz-Credential"), headers: query.value("X-Amz-SignedHeaders"),
      signature: query.value("X-Amz-Signature"), timestamp: query.value("X-Amz-Date") ?? "", expires: expires)
  }

  private init(credential: String?, headers: String?, signature: String?, timestamp: String, expires: Int?) throws(ServiceError) {
    guard let scope = CredentialScope(credential ?? "") else {
      throw .incompleteSignature("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term,")
    }
    self.scope = scope
    signedHeaders = (headers ?? "").split(separator: ";").map { $0.lowercased() }
    self.signature = signature ?? ""
    self.timestamp = timestamp
    self.expires = expires
  }
}

extension ServiceError {
  /// Errors every AWS service shares; they are outside Lambda's model and so without `Type`.
  private static func common(_ type: String, _ message: String) -> ServiceError {
    ServiceError(type, status: 403, message: message, fault: nil)
  }

  static let missingAuthenticationToken = common("MissingAuthenticationTokenException", "Missing Authentication Token")
  static let unrecognizedClient = common("UnrecognizedClientException", "The security token included in the request is invalid.")

  static func incompleteSignature(_ message: String) -> ServiceError { common("IncompleteSignatureException", message) }
  static func invalidSignature(_ message: String) -> ServiceError { common("InvalidSignatureException", message) }
}
