/// A JSON value of a control-plane body, small enough to be held as a tree.
///
/// Numbers keep their text and objects their order, so that what is echoed to a client is what it sent.
package enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  case number(String)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)
}

/// The members of a JSON object in the order they came; of two with one name the later counts.
package struct JSONObject: Sendable, Hashable {
  package struct Member: Sendable, Hashable {
    package var name: String
    package var value: JSONValue
  }

  package private(set) var members: [Member] = []

  package init() {}

  package subscript(name: String) -> JSONValue? { members.last { $0.name == name }?.value }

  /// Adds a member; one without a value is left out, as AWS does (never `null`).
  package mutating func add(_ name: String, _ value: JSONValue?) {
    guard let value else { return }
    members.append(Member(name: name, value: value))
  }

  package var isEmpty: Bool { members.isEmpty }
}

extension JSONValue {
  package static func integer(_ value: some BinaryInteger) -> JSONValue { .number(String(value)) }

  package static func strings(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }

  /// A map of strings, its names sorted so that answers are repeatable.
  package static func map(_ values: [String: String]) -> JSONValue {
    var object = JSONObject()
    for (name, value) in values.sorted(by: { $0.key < $1.key }) { object.add(name, .string(value)) }
    return .object(object)
  }

  package static func object(_ members: KeyValuePairs<String, JSONValue?>) -> JSONValue {
    var object = JSONObject()
    for (name, value) in members { object.add(name, value) }
    return .object(object)
  }

  package subscript(name: String) -> JSONValue? {
    guard case .object(let object) = self else { return nil }
    return object[name]
  }

  package var string: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  package var array: [JSONValue]? {
    guard case .array(let elements) = self else { return nil }
    return elements
  }

  package var integer: Int? {
    guard case .number(let text) = self else { return nil }
    return Int(text)
  }

  package var double: Double? {
    guard case .number(let text) = self else { return nil }
    return Double(text)
  }

  package var bool: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }
}
