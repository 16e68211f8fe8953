/// A name for a function's version, or for two of them that share its invocations.
package struct FunctionAlias: Sendable, Hashable, Codable {
  package var name: String
  /// A number or `$LATEST`.
  package var version: String
  package var description: String
  /// The share of invocations, 0 to 1, that another version gets; AWS allows one entry.
  package var weights: [String: Double]
  /// A new UUID at every change.
  package var revisionID: String

  package init(name: String, version: String, description: String = "", weights: [String: Double] = [:], revisionID: String) {
    self.name = name
    self.version = version
    self.description = description
    self.weights = weights
    self.revisionID = revisionID
  }

  /// The version that serves an invocation.
  ///
  /// - Parameter draw: a random number, 0 up to 1.
  package func version(for draw: Double) -> String {
    var bound = 0.0
    for (version, weight) in weights.sorted(by: { $0.key < $1.key }) {
      bound += weight
      if draw < bound { return version }
    }
    return version
  }

  /// Whether the alias leads to `version`, if only sometimes.
  package func leads(to version: String) -> Bool { self.version == version || weights[version] != nil }
}
