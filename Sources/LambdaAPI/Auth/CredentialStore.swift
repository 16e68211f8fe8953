internal import FoundationEssentials
internal import Signing
internal import SystemPackage

/// What went wrong with the credentials file: what was tried, on which file, why; and what to do.
package struct CredentialStoreError: Error, Sendable, CustomStringConvertible {
  package var description: String
}

/// The access keys this host knows: an AWS shared-credentials file, read once at start and made when it is not there.
package struct CredentialStore: Sendable {
  private let credentials: [String: Credential]

  package init(_ credentials: [Credential]) {
    self.credentials = Dictionary(credentials.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
  }

  package func credential(id: String) -> Credential? { credentials[id] }

  /// The access keys' identifiers, sorted.
  package var identifiers: [String] { credentials.keys.sorted() }

  /// Reads the file at `path`; if there is none, makes one (mode 0600) with a fresh access key as `[default]`.
  package init(path: String) throws(CredentialStoreError) {
    if let text = try Self.read(path) {
      let credentials: [Credential]
      do throws(SharedCredentials.Fault) {
        credentials = try CredentialsFile.parse(text)
      } catch {
        throw CredentialStoreError(description: "read credentials \(path): line \(error.line): \(error.reason)")
      }
      guard !credentials.isEmpty else {
        throw CredentialStoreError(description: "read credentials \(path): no profile in it (remove the file to have a new key made)")
      }
      self.init(credentials)
    } else {
      let credential = CredentialsFile.generate()
      try Self.create(path, CredentialsFile.text(credential))
      self.init([credential])
    }
  }

  /// `nil` if there is no such file.
  private static func read(_ path: String) throws(CredentialStoreError) -> String? {
    do {
      return String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
    } catch let error as CocoaError where error.code == .fileReadNoSuchFile || error.code == .fileNoSuchFile {
      return nil
    } catch {
      throw CredentialStoreError(description: "read credentials \(path): \(error)")
    }
  }

  /// Born with its mode, so that the secret is at no time readable by others; never through a link somebody else left there.
  private static func create(_ path: String, _ text: String) throws(CredentialStoreError) {
    do {
      let file = try FileDescriptor.open(
        FilePath(path), .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec], permissions: .ownerReadWrite)
      try file.closeAfter { _ = try file.writeAll(Array(text.utf8)) }
    } catch {
      throw CredentialStoreError(description: "create credentials \(path): \(error)")
    }
  }
}
