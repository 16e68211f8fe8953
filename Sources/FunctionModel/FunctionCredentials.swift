/// AWS credentials that a function is started with: those of its execution role.
///
/// They live in memory only. However a value is printed, its secrets are not.
package struct FunctionCredentials: Sendable, Hashable {
  package var accessKeyID: String
  package var secretAccessKey: String
  /// `nil` for an access key that is good without one.
  package var sessionToken: String?
  /// When they end, in milliseconds since 1970; `nil` if that is not known, or never.
  package var expires: Int64?

  package init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil, expires: Int64? = nil) {
    self.accessKeyID = accessKeyID
    self.secretAccessKey = secretAccessKey
    self.sessionToken = sessionToken
    self.expires = expires
  }
}

extension FunctionCredentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "credentials (not shown)" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Why a role's credentials could not be got, in one line for people. It holds no secret.
package struct RoleCredentialFault: Error, Sendable, Hashable, CustomStringConvertible {
  package var description: String

  package init(_ description: String) { self.description = description }
}
