internal import FunctionModel
internal import HTTPTypes

extension ResourcePolicy {
  /// Whether someone may call the function's URL.
  ///
  /// - Parameter account: the caller's; `nil` if nobody was asked who he is.
  func allowsURL(of url: FunctionURL, caller account: String?) -> Bool {
    statements.contains { statement in
      guard ["*", "lambda:*", "lambda:InvokeFunctionUrl"].contains(statement.action) else { return false }
      if let type = statement.urlAuthType, type != (url.needsSignature ? "AWS_IAM" : "NONE") { return false }
      // Conditions on a source are for services, which do not call URLs; nobody here belongs to an organization.
      guard statement.sourceARN == nil, statement.sourceAccount == nil, statement.organization == nil, statement.eventSourceToken == nil
      else { return false }
      switch statement.principal {
      case .everyone: return true
      case .service: return false
      case .identity(let arn): return account.map { arn == "arn:aws:iam::\($0):root" } ?? false
      }
    }
  }
}

extension FunctionURL.CORS {
  private func allows(origin: String) -> Bool {
    allowOrigins?.contains { pattern in
      guard let star = pattern.firstIndex(of: "*") else { return pattern == origin }
      return origin.hasPrefix(pattern[..<star]) && origin.hasSuffix(pattern[pattern.index(after: star)...])
        && origin.utf8.count >= pattern.utf8.count - 1
    } ?? false
  }

  /// What a browser is told with every answer; `nil` if `origin` may not have it.
  func fields(for origin: String) -> HTTPFields? {
    guard allows(origin: origin) else { return nil }
    var fields = HTTPFields()
    fields[.accessControlAllowOrigin] = allowOrigins == ["*"] && allowCredentials != true ? "*" : origin
    if allowCredentials == true { fields[.accessControlAllowCredentials] = "true" }
    if let exposeHeaders, !exposeHeaders.isEmpty { fields[.accessControlExposeHeaders] = exposeHeaders.joined(separator: ",") }
    fields[.vary] = "Origin"
    return fields
  }

  /// The answer to a preflight request, which the function does not see.
  func preflight(for origin: String) -> HTTPFields {
    guard var fields = fields(for: origin) else { return [:] }
    if let allowMethods { fields[.accessControlAllowMethods] = allowMethods.joined(separator: ",") }
    if let allowHeaders { fields[.accessControlAllowHeaders] = allowHeaders.joined(separator: ",") }
    if let maxAge { fields[.accessControlMaxAge] = String(maxAge) }
    return fields
  }
}
