package import FunctionModel

/// Who has the credentials of execution roles.
package protocol RoleCredentialSource: Sendable {
  /// What an environment of `function` is to be started with; `nil` for a role that this host has nothing for. Answers within
  /// about ten seconds.
  func credentials(role: String, function: String) async throws(RoleCredentialFault) -> FunctionCredentials?
}

/// A host that maps no role.
package struct NoRoleCredentials: RoleCredentialSource {
  package init() {}
  package func credentials(role: String, function: String) -> FunctionCredentials? { nil }
}
