package import FunctionModel

/// How a caller names a function: a name, a partial or a full ARN, with a qualifier or without.
package struct FunctionReference: Sendable, Hashable {
  package var id: FunctionID
  /// A version, an alias or `$LATEST`; `nil` if none was given.
  package var qualifier: String?

  package init(id: FunctionID, qualifier: String? = nil) {
    self.id = id
    self.qualifier = qualifier
  }

  /// As in the messages: qualified if the caller did.
  package var arn: String { id.arn(qualifier: qualifier) }

  static let pattern =
    "(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_\\.]+)"
    + "(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
  static let newNamePattern =
    "(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?"
  static let qualifierPattern = "\\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"

  /// - Parameters:
  ///   - text: the path's function name, percent-decoded.
  ///   - qualifier: the `Qualifier` of the query.
  ///   - caller: the account and region meant when the name does not say.
  package init(_ text: String, qualifier: String? = nil, caller: Owner) throws(ServiceError) {
    var report = ConstraintReport()
    let parts = FunctionNameParts(text)
    report.check(text, at: "functionName", [.length(1...256)])
    if parts == nil { report.add(.string(text), at: "functionName", .pattern(Self.pattern, { _ in false })) }
    if let qualifier {
      report.check(qualifier, at: "qualifier", [.length(1...128), .pattern(Self.qualifierPattern, Self.isQualifier)])
    }
    try report.finish()
    guard let parts else { throw .validation("functionName") }
    try Self.checkOwner(parts, caller)
    if let derived = parts.qualifier, let qualifier, derived != qualifier {
      throw .invalidParameterValue("The derived qualifier from the function name does not match the specified qualifier.")
    }
    id = FunctionID(owner: Owner(account: parts.account ?? caller.account, region: caller.region), name: parts.name)
    self.qualifier = parts.qualifier ?? qualifier
  }

  private static func checkOwner(_ parts: FunctionNameParts, _ caller: Owner) throws(ServiceError) {
    if let region = parts.region, region != caller.region {
      throw .resourceNotFound("Functions from '\(region)' are not reachable in this region ('\(caller.region)')")
    }
    if let account = parts.account, account != caller.account { throw .accessDenied }
  }

  static func isQualifier(_ text: String) -> Bool {
    text == "$LATEST.PUBLISHED" || text.utf8.allSatisfy { NameCharacters.isName($0) || $0 == UInt8(ascii: "$") }
  }
}

extension ServiceError {
  /// AWS gives no message when another account is addressed; an empty one is rendered as `null`.
  static let accessDenied = ServiceError("AccessDeniedException", status: 403, message: "", messageKey: "Message", fault: nil)
}

/// The parts of a function name as its pattern allows them; every part but the name may be absent.
struct FunctionNameParts: Hashable {
  var region: String?
  var account: String?
  var name: String
  var qualifier: String?

  /// `nil` if `text` does not satisfy ``FunctionReference/pattern``.
  init?(_ text: String) {
    var fields = text.split(separator: ":", omittingEmptySubsequences: false)[...]
    if fields.first == "arn" {
      guard fields.count >= 3, NameCharacters.isPartition(fields[1]), fields[2] == "lambda" else { return nil }
      fields = fields.dropFirst(3)
    }
    if fields.count > 1, let first = fields.first, NameCharacters.isRegion(first) {
      region = String(first)
      fields = fields.dropFirst()
    }
    if fields.count > 1, let first = fields.first, NameCharacters.isAccount(first) {
      account = String(first)
      fields = fields.dropFirst()
    }
    if fields.count > 1, fields.first == "function" { fields = fields.dropFirst() }
    guard let first = fields.first, fields.count <= 2, !first.isEmpty,
      first.utf8.allSatisfy({ NameCharacters.isName($0) || $0 == UInt8(ascii: ".") })
    else { return nil }
    name = String(first)
    if fields.count == 2, let last = fields.last {
      guard !last.isEmpty, last == "$LATEST" || last == "$LATEST.PUBLISHED" || last.utf8.allSatisfy(NameCharacters.isName) else {
        return nil
      }
      qualifier = String(last)
    }
  }
}

/// The character classes of AWS's name patterns.
enum NameCharacters {
  /// `[a-zA-Z0-9-_]`
  static func isName(_ byte: UInt8) -> Bool {
    switch byte {
    case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "_"): true
    default: false
    }
  }

  /// `\d{12}`
  static func isAccount(_ text: Substring) -> Bool { text.utf8.count == 12 && text.utf8.allSatisfy { (48...57).contains($0) } }

  /// `(aws[a-zA-Z-]*)?`
  static func isPartition(_ text: Substring) -> Bool {
    text.isEmpty || text.hasPrefix("aws") && text.utf8.allSatisfy { isLetter($0) || $0 == UInt8(ascii: "-") }
  }

  /// `[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}`
  static func isRegion(_ text: Substring) -> Bool {
    let words = text.split(separator: "-", omittingEmptySubsequences: false)
    guard words.count == 3 || words.count == 4, words[0].utf8.count == 2, words[0].utf8.allSatisfy(isLowercase) else { return false }
    if words.count == 4 {
      guard words[1] == "gov" || words[1].hasPrefix("iso") && words[1].utf8.count <= 4 && words[1].utf8.allSatisfy(isLowercase)
      else { return false }
    }
    let area = words[words.count - 2]
    let number = words[words.count - 1]
    return !area.isEmpty && area.utf8.allSatisfy(isLowercase) && number.utf8.count == 1 && number.utf8.allSatisfy { (48...57).contains($0) }
  }

  static func isLetter(_ byte: UInt8) -> Bool { (65...90).contains(byte) || (97...122).contains(byte) }
  static func isLowercase(_ byte: UInt8) -> Bool { (97...122).contains(byte) }
}
