/// The account and region that own a resource; state is keyed by both.
package struct Owner: Sendable, Hashable, Codable {
  /// Twelve digits.
  package var account: String
  /// As in `us-east-1`.
  package var region: String

  package init(account: String, region: String) {
    self.account = account
    self.region = region
  }
}

/// The identity of a function: who owns it and what it is called.
package struct FunctionID: Sendable, Hashable, Codable {
  package var owner: Owner
  package var name: String

  package init(owner: Owner, name: String) {
    self.owner = owner
    self.name = name
  }

  /// The unqualified function ARN.
  package var arn: String { "arn:aws:lambda:\(owner.region):\(owner.account):function:\(name)" }

  /// The ARN with a version or alias after it; `nil` leaves it unqualified.
  package func arn(qualifier: String?) -> String {
    guard let qualifier else { return arn }
    return "\(arn):\(qualifier)"
  }
}

/// The identity of a layer.
package struct LayerID: Sendable, Hashable, Codable {
  package var owner: Owner
  package var name: String

  package init(owner: Owner, name: String) {
    self.owner = owner
    self.name = name
  }

  package var arn: String { "arn:aws:lambda:\(owner.region):\(owner.account):layer:\(name)" }
  package func arn(version: Int) -> String { "\(arn):\(version)" }
}
