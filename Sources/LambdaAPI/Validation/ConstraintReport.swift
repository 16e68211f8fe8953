package import FunctionModel

/// Collects violations and words them as AWS does: "2 validation errors detected: Value '…' at '…' failed to satisfy constraint: …; Value …".
package struct ConstraintReport: Sendable {
  private var violations: [String] = []

  package init() {}

  package mutating func check(_ value: JSONValue?, at path: String, _ constraints: [Constraint]) {
    for constraint in constraints { add(value, at: path, constraint) }
  }

  package mutating func check(_ text: String, at path: String, _ constraints: [Constraint]) {
    check(.string(text), at: path, constraints)
  }

  package mutating func add(_ value: JSONValue?, at path: String, _ constraint: Constraint) {
    guard let violation = constraint.violation(of: value) else { return }
    var shown = "\(Self.quoted(value)) "
    if case .keys = constraint { shown = "" }
    violations.append("Value \(shown)at '\(path)' failed to satisfy constraint: \(violation)")
  }

  /// The message, or `nil` if nothing was violated.
  package var message: String? {
    guard !violations.isEmpty else { return nil }
    let count = violations.count == 1 ? "1 validation error" : "\(violations.count) validation errors"
    return "\(count) detected: \(violations.joined(separator: "; "))"
  }

  package func finish() throws(ServiceError) {
    if let message { throw .validation(message) }
  }

  /// As AWS's Java prints it: `'text'`, `'[a, b]'`, `'{k=v}'`; null is not quoted.
  private static func quoted(_ value: JSONValue?) -> String {
    guard let value, value != .null else { return "null" }
    return "'\(plain(value))'"
  }

  private static func plain(_ value: JSONValue) -> String {
    switch value {
    case .null: "null"
    case .bool(let flag): flag ? "true" : "false"
    case .number(let text), .string(let text): text
    case .array(let elements): "[\(elements.map(plain).joined(separator: ", "))]"
    case .object(let object): "{\(object.members.map { "\($0.name)=\(plain($0.value))" }.joined(separator: ", "))}"
    }
  }
}
