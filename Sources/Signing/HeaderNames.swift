package import HTTPTypes

extension HTTPField.Name {
  /// A name known to be well-formed.
  package static func known(_ text: String) -> HTTPField.Name {
    guard let name = HTTPField.Name(text) else { fatalError("not a field name: \(text)") }
    return name
  }

  package static let amzDate = known("X-Amz-Date")
  package static let amzSecurityToken = known("X-Amz-Security-Token")
}
