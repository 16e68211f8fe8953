/// The rules for the names of aliases and versions.
enum AliasNaming {
  static let pattern = "(?!^[0-9]+$)([a-zA-Z0-9-_]+)"

  /// Not all digits, which would be a version.
  static func isName(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy(NameCharacters.isName) && !text.utf8.allSatisfy { (48...57).contains($0) }
  }

  static func isVersion(_ text: String) -> Bool {
    text == "$LATEST" || !text.isEmpty && text.utf8.allSatisfy { (48...57).contains($0) }
  }
}
