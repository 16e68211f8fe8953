package import FunctionModel

/// Where one role's credentials come from, as the host's configuration says.
package enum RoleSource: Sendable, Hashable {
  /// The same for ever.
  case keys(FunctionCredentials)
  /// Read anew for each environment.
  case file(CredentialFile)
  /// Sessions of the role itself, from an STS.
  case assumeRole(AssumeRole)
}

/// How a role is assumed.
package struct AssumeRole: Sendable, Hashable {
  /// Who asks.
  package enum Caller: Sendable, Hashable {
    case keys(FunctionCredentials)
    case file(CredentialFile)
  }

  /// `http://` or `https://`, host, and perhaps a port and a path.
  package var endpoint: String
  /// The region of the signature.
  package var region: String
  package var caller: Caller
  /// How long a session is to last.
  package var duration: Duration
  package var externalID: String?

  package init(endpoint: String, region: String, caller: Caller, duration: Duration, externalID: String?) {
    self.endpoint = endpoint
    self.region = region
    self.caller = caller
    self.duration = duration
    self.externalID = externalID
  }
}
