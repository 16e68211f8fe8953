/// The text of an AWS shared-credentials file: INI profiles.
///
/// <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>
package struct SharedCredentials: Sendable, Hashable {
  package struct Profile: Sendable, Hashable {
    package var name: String
    /// Of its heading, counted from 1.
    package var line: Int
    /// By name in lower case.
    package var values: [String: String]
  }

  /// What is wrong with a line, counted from 1. It never quotes the line, which may be a secret.
  package struct Fault: Error, Hashable {
    package var line: Int
    package var reason: String

    package init(line: Int, reason: String) {
      self.line = line
      self.reason = reason
    }
  }

  package private(set) var profiles: [Profile] = []

  package init(_ text: String) throws(Fault) {
    // Swift takes CR LF for one character, which is no "\n".
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let line = Self.trim(line)
      if line.isEmpty || line.first == "#" || line.first == ";" { continue }
      if line.first == "[" {
        guard line.last == "]" else { throw Fault(line: index + 1, reason: "profile name without its closing bracket") }
        profiles.append(Profile(name: String(Self.trim(line.dropFirst().dropLast())), line: index + 1, values: [:]))
        continue
      }
      let pair = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2, !profiles.isEmpty else { throw Fault(line: index + 1, reason: "expected [profile] or key = value") }
      profiles[profiles.count - 1].values[Self.trim(pair[0]).lowercased()] = String(Self.trim(pair[1]))
    }
  }

  private static func trim(_ text: Substring) -> Substring {
    let spaces: Set<Character> = [" ", "\t", "\r"]
    guard let first = text.firstIndex(where: { !spaces.contains($0) }), let last = text.lastIndex(where: { !spaces.contains($0) })
    else { return "" }
    return text[first...last]
  }
}
