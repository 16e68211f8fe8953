import FoundationEssentials
import LambdaAPI
import Testing

@Suite struct CredentialStoreTests {
  private func withFile<Value>(_ text: String?, _ body: (String) throws -> Value) throws -> Value {
    let directory = FileManager.default.temporaryDirectory.appending(path: "roost-credentials-\(UUID())").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }  // a temporary folder; what is left does no harm
    let path = "\(directory)/credentials"
    if let text { try Data(text.utf8).write(to: URL(filePath: path)) }
    return try body(path)
  }

  @Test func `a first start makes a key that only its owner can read`() throws {
    try withFile(nil) { path in
      _ = try CredentialStore(path: path)
      let text = String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
      let lines = text.split(separator: "\n")
      #expect(lines.contains("[default]"))
      let id = try #require(lines.first { $0.hasPrefix("aws_access_key_id = AKIA") }).split(separator: " ")[2]
      let secret = try #require(lines.first { $0.hasPrefix("aws_secret_access_key = ") }).split(separator: " ")[2]
      #expect(id.count == 20 && secret.count == 40)
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
      #expect(mode == 0o600)
      #expect(try CredentialStore(path: path).credential(id: String(id))?.secret == String(secret))
    }
  }

  @Test func `several profiles may each have an account`() throws {
    let text = """
      # comment
      [default]
      aws_access_key_id=AKIA1
      aws_secret_access_key = one=1

      [ci]
      AWS_ACCESS_KEY_ID = AKIA2
      aws_secret_access_key = two
      roost_account = 123456789012
      region = us-east-1
      """
    try withFile(text) { path in
      let store = try CredentialStore(path: path)
      #expect(store.credential(id: "AKIA1") == Credential(id: "AKIA1", secret: "one=1"))
      #expect(store.credential(id: "AKIA2") == Credential(id: "AKIA2", secret: "two", account: "123456789012"))
      #expect(store.credential(id: "AKIA3") == nil)
    }
  }

  @Test(arguments: [
    ("aws_access_key_id = A\n", "line 1: expected [profile] or key = value"),
    ("[default\n", "line 1: profile name without its closing bracket"),
    ("[default]\naws_access_key_id = A\n", "line 1: profile without aws_secret_access_key"),
    ("[default]\naws_access_key_id = A\naws_secret_access_key = B\nroost_account = 12\n", "line 1: roost_account is not twelve digits"),
    ("# nothing\n", "no profile in it"),
  ]) func `a damaged file is refused with its line`(_ text: String, _ reason: String) throws {
    try withFile(text) { path in
      let error = #expect(throws: CredentialStoreError.self) { try CredentialStore(path: path) }
      #expect(error?.description.contains(reason) == true)
      #expect(error?.description.contains(path) == true)
    }
  }

  @Test func `a link left in the file's place is not followed`() throws {
    try withFile(nil) { path in
      try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: path + ".elsewhere")
      #expect(throws: CredentialStoreError.self) { try CredentialStore(path: path) }
      #expect(!FileManager.default.fileExists(atPath: path + ".elsewhere"))
    }
  }
}
