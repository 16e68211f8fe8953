/// One rule for a member of a request, and how AWS words its violation.
package enum Constraint: Sendable {
  case length(ClosedRange<Int>)
  case value(ClosedRange<Int>)
  /// The regular expression as AWS quotes it, and the same as code.
  case pattern(String, @Sendable (String) -> Bool)
  /// The set in AWS's own order.
  case oneOf([String])
  /// Not `null`, not absent.
  case required
  /// The rules for each element of a list, reported together as one violation.
  case each([Constraint])
  /// The rules for each name of a map whose values are secret: the report does not show the map.
  case keys([Constraint])
  /// The same for each value of a map.
  case values([Constraint])
  /// From 0 to 1.
  case share

  /// The violation's wording, or `nil` if `value` obeys.
  func violation(of value: JSONValue?) -> String? {
    guard let value, value != .null else {
      if case .required = self { return "Member must not be null" }
      return nil
    }
    switch self {
    case .required: return nil
    case .length(let range): return Self.count(value).flatMap { lengthViolation($0, range) }
    case .value(let range): return valueViolation(value, range)
    case .pattern(let expression, let matches):
      guard let text = value.string, !matches(text) else { return nil }
      return "Member must satisfy regular expression pattern: \(expression)"
    case .oneOf(let values):
      guard let text = value.string, !values.contains(text) else { return nil }
      return "Member must satisfy enum value set: [\(values.joined(separator: ", "))]"
    case .each(let constraints):
      guard case .array(let elements) = value, Self.anyViolates(elements, constraints) else { return nil }
      return "Member must satisfy constraint: [\(constraints.flatMap(\.wording).joined(separator: ", "))]"
    case .keys(let constraints):
      guard case .object(let object) = value, Self.anyViolates(object.members.map { .string($0.name) }, constraints) else { return nil }
      return "Map keys must satisfy constraint: [\(constraints.flatMap(\.wording).joined(separator: ", "))]"
    case .values(let constraints):
      guard case .object(let object) = value, Self.anyViolates(object.members.map(\.value), constraints) else { return nil }
      return "Map value must satisfy constraint: [\(constraints.flatMap(\.wording).joined(separator: ", "))]"
    case .share:
      guard let share = value.double, !(0...1).contains(share) else { return nil }
      return wording.joined(separator: ", ")
    }
  }

  private func lengthViolation(_ count: Int, _ range: ClosedRange<Int>) -> String? {
    if count < range.lowerBound { return "Member must have length greater than or equal to \(range.lowerBound)" }
    if count > range.upperBound { return "Member must have length less than or equal to \(range.upperBound)" }
    return nil
  }

  private func valueViolation(_ value: JSONValue, _ range: ClosedRange<Int>) -> String? {
    guard let number = value.integer else { return nil }
    if number < range.lowerBound { return "Member must have value greater than or equal to \(range.lowerBound)" }
    if number > range.upperBound { return "Member must have value less than or equal to \(range.upperBound)" }
    return nil
  }

  /// The rule spelled out, as it stands in the list of ``each(_:)``.
  private var wording: [String] {
    switch self {
    case .length(let range):
      [
        "Member must have length less than or equal to \(range.upperBound)",
        "Member must have length greater than or equal to \(range.lowerBound)",
      ]
    case .value(let range):
      [
        "Member must have value less than or equal to \(range.upperBound)",
        "Member must have value greater than or equal to \(range.lowerBound)",
      ]
    case .pattern(let expression, _): ["Member must satisfy regular expression pattern: \(expression)"]
    case .oneOf(let values): ["Member must satisfy enum value set: [\(values.joined(separator: ", "))]"]
    case .required: ["Member must not be null"]
    case .share: ["Member must have value less than or equal to 1.0", "Member must have value greater than or equal to 0.0"]
    case .each(let constraints), .keys(let constraints), .values(let constraints):
      ["Member must satisfy constraint: [\(constraints.flatMap(\.wording).joined(separator: ", "))]"]
    }
  }

  private static func count(_ value: JSONValue) -> Int? {
    switch value {
    case .string(let text): text.utf16.count
    case .array(let elements): elements.count
    case .object(let object): object.members.count
    case .null, .bool, .number: nil
    }
  }

  private static func anyViolates(_ elements: [JSONValue], _ constraints: [Constraint]) -> Bool {
    elements.contains { element in constraints.contains { $0.violation(of: element) != nil } }
  }
}
