/// A mapping within the configuration file. Errors name the whole path to a value.
struct ConfigurationMap {
  let path: String
  private let values: [String: Any]

  /// Nothing at all is an empty mapping.
  init(_ value: Any?, at path: String, keys: Set<String>? = nil) throws(ConfigurationError) {
    self.path = path
    // Yams has an object of its own for an empty value.
    guard let value, !"\(value)".isEmpty, "\(value)" != "null" else {
      values = [:]
      return
    }
    guard let map = value as? [String: Any] else { throw ConfigurationError("\(path): not a mapping of keys to values") }
    if let keys, let unknown = map.keys.filter({ !keys.contains($0) }).min() {
      throw ConfigurationError("\(path): unknown key \(unknown)", hint: "keys are \(keys.sorted().joined(separator: ", "))")
    }
    values = map
  }

  /// In the order of the alphabet.
  var names: [String] { values.keys.sorted() }

  func map(_ key: String, keys: Set<String>? = nil) throws(ConfigurationError) -> ConfigurationMap {
    try ConfigurationMap(values[key], at: "\(path).\(key)", keys: keys)
  }

  func maps(_ key: String, keys: Set<String>) throws(ConfigurationError) -> [ConfigurationMap] {
    var maps: [ConfigurationMap] = []
    for (index, element) in try array(key).enumerated() {
      maps.append(try ConfigurationMap(element, at: "\(path).\(key)[\(index)]", keys: keys))
    }
    return maps
  }

  /// The value as text, which must be `expected`; `nil` where there is none.
  func text(_ key: String, _ expected: String, _ isGood: (String) -> Bool) throws(ConfigurationError) -> String? {
    guard let value = values[key] else { return nil }
    let text = "\(value)"
    guard isGood(text) else { throw ConfigurationError("\(path).\(key) \(text): not \(expected)") }
    return text
  }

  /// A value that no error may show: visible characters without a space; `nil` where there is none.
  func secret(_ key: String) throws(ConfigurationError) -> String? {
    guard let value = values[key] else { return nil }
    let text = "\(value)"
    guard !text.isEmpty, text.utf8.allSatisfy({ (33...126).contains($0) }) else {
      throw ConfigurationError("\(path).\(key): empty, or with other characters than a key's (the value is not shown)")
    }
    return text
  }

  func choice<Choice>(_ key: String, _ make: (String) -> Choice?) throws(ConfigurationError) -> Choice? {
    try text(key, "known") { make($0) != nil }.flatMap(make)
  }

  /// A list of texts, each as `convert` writes it; `nil` where there is none.
  func list(_ key: String, _ expected: String, _ convert: (String) -> String?) throws(ConfigurationError) -> [String]? {
    guard values[key] != nil else { return nil }
    let elements = try array(key)
    guard elements.count <= 256 else { throw ConfigurationError("\(path).\(key): more than 256") }
    var list: [String] = []
    for element in elements {
      guard let text = convert("\(element)") else { throw ConfigurationError("\(path).\(key): \(element) is not \(expected)") }
      list.append(text)
    }
    return list
  }

  private func array(_ key: String) throws(ConfigurationError) -> [Any] {
    guard let value = values[key] else { return [] }
    guard let array = value as? [Any] else { throw ConfigurationError("\(path).\(key): not a list") }
    return array
  }
}
