internal import Signing

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
  static func parse(_ text: String) throws(SharedCredentials.Fault) -> [Credential] {
    var credentials: [Credential] = []
    for profile in try SharedCredentials(text).profiles { credentials.append(try credential(profile.values, line: profile.line)) }
    return credentials
  }

  private static func credential(_ values: [String: String], line: Int) throws(SharedCredentials.Fault) -> Credential {
    guard let id = values["aws_access_key_id"], !id.isEmpty else {
      throw SharedCredentials.Fault(line: line, reason: "profile without aws_access_key_id")
    }
    guard let secret = values["aws_secret_access_key"], !secret.isEmpty else {
      throw SharedCredentials.Fault(line: line, reason: "profile without aws_secret_access_key")
    }
    if let account = values["roost_account"] {
      guard account.utf8.count == 12, account.utf8.allSatisfy({ (48...57).contains($0) }) else {
        throw SharedCredentials.Fault(line: line, reason: "roost_account is not twelve digits")
      }
    }
    return Credential(id: id, secret: secret, account: values["roost_account"])
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
