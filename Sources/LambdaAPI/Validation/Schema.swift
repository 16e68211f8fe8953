package import FunctionModel

/// A member of a request body: its JSON type and the rules it must obey. The table of an operation's members checks both.
package struct Member: Sendable {
  package indirect enum Kind: Sendable {
    case string, integer, boolean
    /// Base64 in JSON.
    case blob
    /// A list of strings.
    case strings
    /// A map of strings to strings.
    case map
    /// A map of strings to numbers.
    case numbers
    case structure([Member])
    case structures([Member])
  }

  var name: String
  var kind: Kind
  var constraints: [Constraint]

  package init(_ name: String, _ kind: Kind, _ constraints: [Constraint] = []) {
    self.name = name
    self.kind = kind
    self.constraints = constraints
  }

  /// As AWS's messages write it: `MemorySize` is `memorySize`.
  var path: String { name.prefix(1).lowercased() + name.dropFirst() }
}

/// The members of one operation's body.
package struct Schema: Sendable {
  let members: [Member]

  package init(_ members: [Member]) { self.members = members }

  /// Types first (they make the body unreadable), then all rules in one report. Members that are not in the table are ignored: clients
  /// are newer than servers.
  package func check(_ body: JSONValue, _ report: inout ConstraintReport) throws(ServiceError) {
    guard case .object = body else { throw .serialization("Unexpected value where a structure was expected") }
    try Self.checkTypes(body, members)
    Self.checkRules(body, members, prefix: "", &report)
  }

  private static func checkTypes(_ value: JSONValue, _ members: [Member]) throws(ServiceError) {
    for member in members {
      guard let value = value.member(member.name) else { continue }
      try checkType(value, member.kind)
    }
  }

  private static func checkType(_ value: JSONValue, _ kind: Member.Kind) throws(ServiceError) {
    switch (kind, value) {
    case (.string, .string), (.boolean, .bool), (.blob, .string): return
    case (.integer, .number(let text)):
      guard Int32(text) != nil else { throw .serialization("\(text) can not be converted to an Integer") }
    case (.strings, .array(let elements)):
      for element in elements where element != .null { try checkType(element, .string) }
    case (.map, .object(let object)):
      for member in object.members where member.value != .null { try checkType(member.value, .string) }
    case (.numbers, .object(let object)):
      for member in object.members where member.value != .null {
        guard case .number = member.value else { throw .serialization("\(member.value.token) can not be converted to a Double") }
      }
    case (.structure(let members), .object): try checkTypes(value, members)
    case (.structures(let members), .array(let elements)):
      for element in elements { try checkType(element, .structure(members)) }
    default: throw .serialization("\(value.token) can not be converted to \(kind.name)")
    }
  }

  private static func checkRules(_ value: JSONValue, _ members: [Member], prefix: String, _ report: inout ConstraintReport) {
    for member in members {
      let found = value.member(member.name)
      report.check(found, at: prefix + member.path, member.constraints)
      guard let found else { continue }
      switch member.kind {
      case .structure(let inner): checkRules(found, inner, prefix: prefix + member.path + ".", &report)
      case .structures(let inner):
        for (index, element) in (found.array ?? []).enumerated() {
          checkRules(element, inner, prefix: "\(prefix)\(member.path).\(index + 1).member.", &report)
        }
      case .string, .integer, .boolean, .blob, .strings, .map, .numbers: break
      }
    }
  }
}

extension JSONValue {
  /// The member `name`; one that is `null` counts as absent.
  package func member(_ name: String) -> JSONValue? {
    let value = self[name]
    return value == .null ? nil : value
  }

  /// As AWS's parser calls the first token of a value.
  fileprivate var token: String {
    switch self {
    case .null: "NULL_VALUE"
    case .bool(let value): value ? "TRUE_VALUE" : "FALSE_VALUE"
    case .number: "NUMBER_VALUE"
    case .string: "STRING_VALUE"
    case .array: "START_ARRAY"
    case .object: "START_OBJECT"
    }
  }
}

extension Member.Kind {
  fileprivate var name: String {
    switch self {
    case .string: "a String"
    case .integer: "an Integer"
    case .boolean: "a Boolean"
    case .blob: "a Blob"
    case .strings, .structures: "a List"
    case .map, .numbers: "a Map"
    case .structure: "a Structure"
    }
  }
}

extension ServiceError {
  /// A body that does not fit the model's types; not in the model itself, so without `Type`.
  static func serialization(_ message: String) -> ServiceError {
    ServiceError("SerializationException", status: 400, message: message, messageKey: "Message", fault: nil)
  }
}
