package import FunctionModel

/// How a caller names a layer or a layer version.
package enum LayerNaming {
  static let layerPattern = "(arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+"
  static let versionPattern =
    "(arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)"

  /// A layer by its name or its ARN without a version.
  package static func layer(_ text: String, caller: Owner) throws(ServiceError) -> LayerID {
    var report = ConstraintReport()
    report.check(text, at: "layerName", [.length(1...140), .pattern(layerPattern, { parse($0, versioned: false) != nil })])
    try report.finish()
    guard let parsed = parse(text, versioned: false) else { throw .validation("layerName") }
    return LayerID(owner: parsed.owner ?? caller, name: parsed.name)
  }

  /// A layer version by its ARN; `nil` if `text` is not one.
  package static func version(_ text: String) -> (id: LayerID, version: Int)? {
    guard let parsed = parse(text, versioned: true), let owner = parsed.owner, let version = parsed.version else { return nil }
    return (LayerID(owner: owner, name: parsed.name), version)
  }

  private static func parse(_ text: String, versioned: Bool) -> (owner: Owner?, name: String, version: Int?)? {
    let fields = text.split(separator: ":", omittingEmptySubsequences: false)
    if fields.count == 1, !versioned, isName(fields[0]) { return (nil, text, nil) }
    guard fields.count == (versioned ? 8 : 7), fields[0] == "arn", isName(fields[1]), fields[2] == "lambda", isName(fields[3]),
      NameCharacters.isAccount(fields[4]), fields[5] == "layer", isName(fields[6])
    else { return nil }
    let owner = Owner(account: String(fields[4]), region: String(fields[3]))
    guard versioned else { return (owner, String(fields[6]), nil) }
    guard let version = Int(fields[7]), version >= 0 else { return nil }
    return (owner, String(fields[6]), version)
  }

  private static func isName(_ text: Substring) -> Bool { !text.isEmpty && text.utf8.allSatisfy(NameCharacters.isName) }
}
