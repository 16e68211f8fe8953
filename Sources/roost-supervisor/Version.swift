enum Version {
  /// Of this release, as CHANGELOG.md has it.
  static let text = "0.1.0"
}
