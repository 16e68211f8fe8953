internal import Crypto
package import HTTPTypes

/// The canonical form of a request that Signature Version 4 hashes, but for the last line, the payload's hash.
///
/// Lambda's rules, as its SDKs sign: the path is taken as sent and percent-encoded once more (`%3A` becomes `%253A`), the query is decoded,
/// encoded anew and sorted by name, then value; a header's values are joined by commas, their inner spaces collapsed.
package struct CanonicalRequest: Sendable, Hashable {
  package static let algorithm = "AWS4-HMAC-SHA256"

  /// Everything up to and including the newline before the payload hash.
  package let prefix: String

  /// `nil` if a header that is said to be signed is not there.
  package init?(_ head: HTTPRequest, signedHeaders: [String]) {
    let target = RequestTarget(head.path ?? "/")
    var lines = [head.method.rawValue, Self.path(target.path), Self.query(target.query)]
    for name in signedHeaders.sorted() {
      guard let value = Self.value(of: name, in: head) else { return nil }
      lines.append("\(name):\(value)")
    }
    lines.append("")
    lines.append(signedHeaders.sorted().joined(separator: ";"))
    prefix = lines.joined(separator: "\n") + "\n"
  }

  /// What is signed, with the key of `scope`.
  ///
  /// - Parameters:
  ///   - payloadHash: SHA-256 of the body in lower-case hexadecimal, or what stands in its place.
  ///   - timestamp: `YYYYMMDDThhmmssZ`.
  package func stringToSign(payloadHash: String, timestamp: String, scope: CredentialScope) -> String {
    let hash = Hexadecimal.text(SHA256.hash(data: Array((prefix + payloadHash).utf8)))
    return "\(Self.algorithm)\n\(timestamp)\n\(scope.text)\n\(hash)"
  }

  private static func path(_ path: String) -> String { path.isEmpty ? "/" : PercentCoding.encode(path.utf8, keepingSlash: true) }

  private static func query(_ items: [RequestTarget.Item]) -> String {
    let kept = items.filter { $0.name != "X-Amz-Signature" }
    let encoded = kept.map { item in (name: PercentCoding.encode(item.name.utf8), value: PercentCoding.encode(item.value.utf8)) }
    let sorted = encoded.sorted { left, right in left.name == right.name ? left.value < right.value : left.name < right.name }
    return sorted.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
  }

  private static func value(of name: String, in head: HTTPRequest) -> String? {
    if name == "host", let authority = head.authority { return authority }
    guard let fieldName = HTTPField.Name(name) else { return nil }
    let fields = head.headerFields[fields: fieldName]
    guard !fields.isEmpty else { return nil }
    return fields.map { collapse($0.value) }.joined(separator: ",")
  }

  private static func collapse(_ value: String) -> String {
    value.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
  }
}
