/// Who else may use a function, or one qualifier of it.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html>
package struct ResourcePolicy: FunctionSetting {
  package static var kind: String { "resource-policy" }

  /// One `AddPermission`; the conditions that are not `nil` must all hold.
  package struct Statement: Sendable, Hashable, Codable {
    package var sid: String
    package var action: String
    package var principal: Principal
    /// A pattern with `*` and `?`.
    package var sourceARN: String?
    package var sourceAccount: String?
    package var eventSourceToken: String?
    package var organization: String?
    /// `NONE` or `AWS_IAM`.
    package var urlAuthType: String?
    package var invokedViaURL: Bool?

    package init(
      sid: String, action: String, principal: Principal, sourceARN: String? = nil, sourceAccount: String? = nil,
      eventSourceToken: String? = nil, organization: String? = nil, urlAuthType: String? = nil, invokedViaURL: Bool? = nil
    ) {
      self.sid = sid
      self.action = action
      self.principal = principal
      self.sourceARN = sourceARN
      self.sourceAccount = sourceAccount
      self.eventSourceToken = eventSourceToken
      self.organization = organization
      self.urlAuthType = urlAuthType
      self.invokedViaURL = invokedViaURL
    }
  }

  package enum Principal: Sendable, Hashable, Codable {
    case everyone
    /// As `s3.amazonaws.com`.
    case service(String)
    /// The ARN of an account's root, a user or a role.
    case identity(String)
  }

  package var statements: [Statement]

  package init(statements: [Statement] = []) { self.statements = statements }
}
