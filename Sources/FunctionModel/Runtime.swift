/// A Lambda runtime identifier, as in `python3.11`.
///
/// Its characters are checked when made, so that it can name an image directory.
package struct Runtime: Sendable, Hashable, Codable, CustomStringConvertible {
  package let identifier: String

  /// `nil` unless `text` consists of 1–64 lower-case letters, digits and dots and does not begin with a dot.
  package init?(_ text: String) {
    let bytes = text.utf8
    guard (1...64).contains(bytes.count), bytes.first != UInt8(ascii: "."),
      bytes.allSatisfy({ (48...57).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: ".") })
    else { return nil }
    identifier = text
  }

  /// An OS-only runtime: the function brings its own `bootstrap`, and `AWS_EXECUTION_ENV` is not set.
  package var isProvided: Bool { identifier.hasPrefix("provided") }

  package var description: String { identifier }

  package init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let runtime = Runtime(text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "not a runtime identifier: \(text)"))
    }
    self = runtime
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(identifier)
  }
}
