/// One access key and what it stands for.
package struct Credential: Sendable, Hashable {
  package var id: String
  package var secret: String
  /// The account that its holder acts in; `nil` means the host's default.
  package var account: String?

  package init(id: String, secret: String, account: String? = nil) {
    self.id = id
    self.secret = secret
    self.account = account
  }
}

/// The text of an AWS shared-credentials file: INI profiles with `aws_access_key_id` and `aws_secret_access_key`, and our own
/// `roost_account`, which AWS's tools ignore.
///
/// <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>
enum CredentialsFile {
  /// What is wrong with a line, counted from 1.
  struct Fault: Error, Hashable {
    var line: Int
    var reason: String
  }

  static func parse(_ text: String) throws(Fault) -> [Credential] {
    var credentials: [Credential] = []
    var profile: (line: Int, values: [String: String])?
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let line = trim(line)
      if line.isEmpty || line.first == "#" || line.first == ";" { continue }
      if line.first == "[" {
        guard line.last == "]" else { throw Fault(line: index + 1, reason: "profile name without its closing bracket") }
        if let profile { credentials.append(try credential(profile.values, line: profile.line)) }
        profile = (index + 1, [:])
        continue
      }
      let pair = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2, profile != nil else { throw Fault(line: index + 1, reason: "expected [profile] or key = value") }
      profile?.values[trim(pair[0]).lowercased()] = String(trim(pair[1]))
    }
    if let profile { credentials.append(try credential(profile.values, line: profile.line)) }
    return credentials
  }

  private static func credential(_ values: [String: String], line: Int) throws(Fault) -> Credential {
    guard let id = values["aws_access_key_id"], !id.isEmpty else { throw Fault(line: line, reason: "profile without aws_access_key_id") }
    guard let secret = values["aws_secret_access_key"], !secret.isEmpty else {
      throw Fault(line: line, reason: "profile without aws_secret_access_key")
    }
    if let account = values["roost_account"] {
      guard account.utf8.count == 12, account.utf8.allSatisfy({ (48...57).contains($0) }) else {
        throw Fault(line: line, reason: "roost_account is not twelve digits")
      }
    }
    return Credential(id: id, secret: secret, account: values["roost_account"])
  }

  private static func trim(_ text: Substring) -> Substring {
    let spaces: Set<Character> = [" ", "\t", "\r"]
    guard let first = text.firstIndex(where: { !spaces.contains($0) }), let last = text.lastIndex(where: { !spaces.contains($0) })
    else { return "" }
    return text[first...last]
  }

  /// A file with one profile.
  static func text(_ credential: Credential) -> String {
    """
    # Made by roost at its first start. Use it with AWS_SHARED_CREDENTIALS_FILE, or copy the key into a profile of your own.
    # More profiles may be added; a profile's roost_account (twelve digits) gives the account its holder acts in.
    [default]
    aws_access_key_id = \(credential.id)
    aws_secret_access_key = \(credential.secret)

    """
  }

  /// A fresh key in AWS's form: `AKIA` and sixteen characters, and a secret of forty.
  static func generate() -> Credential {
    var generator = SystemRandomNumberGenerator()
    func characters(_ count: Int, of alphabet: String) -> String {
      let alphabet = Array(alphabet)
      return String((0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] })
    }
    return Credential(
      id: "AKIA" + characters(16, of: "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
      // Without "/" and "+", which AWS uses too but which people fail to copy.
      secret: characters(40, of: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"))
  }
}
