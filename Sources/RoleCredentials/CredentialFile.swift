internal import FoundationEssentials
package import FunctionModel
internal import NIOPosix
internal import Signing

/// One profile of an AWS shared-credentials file on this host, which something else may keep up to date.
package struct CredentialFile: Sendable, Hashable {
  package var path: String
  package var profile: String

  package init(path: String, profile: String) {
    self.path = path
    self.profile = profile
  }

  /// Names that tools give to the time at which a profile's session ends. AWS's format has none.
  private static let expirations = ["aws_credential_expiration", "x_security_token_expires", "expiration"]

  /// What the file says now. Reads it off the cooperative pool.
  package func read() async throws(RoleCredentialFault) -> FunctionCredentials {
    let text: String
    do {
      text = try await NIOThreadPool.singleton.runIfActive { [path] in
        String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
      }
    } catch {
      throw RoleCredentialFault("\(path) cannot be read: \((error as? CocoaError)?.underlying ?? "\(error)")")
    }
    return try parse(text)
  }

  /// Faults name the file and the line, and quote nothing of it.
  func parse(_ text: String) throws(RoleCredentialFault) -> FunctionCredentials {
    let profiles: [SharedCredentials.Profile]
    do {
      profiles = try SharedCredentials(text).profiles
    } catch {
      throw RoleCredentialFault("\(path): line \(error.line): \(error.reason)")
    }
    guard let values = profiles.first(where: { $0.name == profile })?.values else {
      throw RoleCredentialFault("\(path) has no profile \(profile)")
    }
    guard let id = values["aws_access_key_id"], let secret = values["aws_secret_access_key"], !id.isEmpty, !secret.isEmpty else {
      throw RoleCredentialFault("\(path): profile \(profile) lacks aws_access_key_id or aws_secret_access_key")
    }
    return FunctionCredentials(
      accessKeyID: id, secretAccessKey: secret, sessionToken: values["aws_session_token"].flatMap { $0.isEmpty ? nil : $0 },
      expires: try expiration(values))
  }

  private func expiration(_ values: [String: String]) throws(RoleCredentialFault) -> Int64? {
    guard let name = Self.expirations.first(where: { values[$0] != nil }), let text = values[name] else { return nil }
    // Some write +00:00.
    guard let time = CalendarTime.milliseconds(iso: text.hasSuffix("+00:00") ? text.dropLast(6) + "Z" : text) else {
      throw RoleCredentialFault("\(path): profile \(profile): \(name) is no time as in 2026-01-31T12:00:00Z")
    }
    return time
  }
}

extension CocoaError {
  fileprivate var underlying: String {
    switch code {
    case .fileReadNoSuchFile, .fileNoSuchFile: "there is no such file"
    case .fileReadNoPermission: "permission denied"
    default: "\(code)"
    }
  }
}
