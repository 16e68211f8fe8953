import FoundationEssentials
import FunctionModel
import RoleCredentials

/// The key `credentials` of the configuration file, every value checked: where the credentials of execution roles come from.
///
/// No error quotes a secret.
struct RoleConfiguration: Sendable {
  /// By role ARN.
  private(set) var sources: [String: RoleSource] = [:]
  /// Whether a secret is in the configuration itself.
  private(set) var hasSecrets = false

  private let stateDirectory: String
  private let region: String

  private static let callerKeys: Set<String> = ["access-key-id", "secret-access-key", "session-token", "file", "profile"]
  private static let sessionKeys = callerKeys.union(["endpoint", "region", "duration", "external-id"])

  init(_ value: Any?, stateDirectory: String, region: String) throws(ConfigurationError) {
    self.stateDirectory = stateDirectory
    self.region = region
    let roles = try ConfigurationMap(value, at: "credentials", keys: ["roles"]).map("roles")
    for role in roles.names {
      guard role.wholeMatch(of: /arn:aws[a-z-]*:iam::[0-9]{12}:role\/[a-zA-Z0-9_+=,.@\/-]+/) != nil else {
        throw ConfigurationError("\(roles.path).\(role): not a role's ARN", hint: "as in arn:aws:iam::123456789012:role/reports")
      }
      sources[role] = try source(try roles.map(role, keys: Self.callerKeys.union(["assume-role"])))
    }
  }

  private mutating func source(_ map: ConfigurationMap) throws(ConfigurationError) -> RoleSource {
    guard map.names.contains("assume-role") else {
      return switch try caller(map) {
      case .keys(let credentials): .keys(credentials)
      case .file(let file): .file(file)
      }
    }
    guard map.names.count == 1 else {
      throw ConfigurationError("\(map.path): assume-role and others", hint: "the keys that sign go below assume-role")
    }
    let order = try map.map("assume-role", keys: Self.sessionKeys)
    guard let endpoint = try order.text("endpoint", "https://HOST[:PORT], or http:// of a loopback address", Self.isEndpoint) else {
      throw ConfigurationError("\(order.path): no endpoint", hint: "as in https://sts.eu-west-1.amazonaws.com")
    }
    let duration = try order.text("duration", "900 to 43200 seconds") { (900...43_200).contains(Int($0) ?? 0) }
    return .assumeRole(
      AssumeRole(
        endpoint: endpoint, region: try order.text("region", "a region") { $0.wholeMatch(of: /[a-z0-9-]{1,32}/) != nil } ?? region,
        caller: try caller(order), duration: .seconds(duration.flatMap { Int($0) } ?? 3_600),
        externalID: try order.text("external-id", "2 to 1224 letters, digits or +=,.@:/-") {
          $0.wholeMatch(of: /[\w+=,.@:\/-]{2,1224}/) != nil
        }))
  }

  /// Keys as they are, or a profile of a file.
  private mutating func caller(_ map: ConfigurationMap) throws(ConfigurationError) -> AssumeRole.Caller {
    let names = Set(map.names)
    if names.contains("file") {
      guard names.isDisjoint(with: ["access-key-id", "secret-access-key", "session-token"]) else {
        throw ConfigurationError("\(map.path): a file and keys", hint: "give one of them")
      }
      return .file(CredentialFile(path: try path(map), profile: try map.text("profile", "a profile") { !$0.isEmpty } ?? "default"))
    }
    guard let id = try map.secret("access-key-id"), let secret = try map.secret("secret-access-key") else {
      throw ConfigurationError(
        "\(map.path): no credentials", hint: "give access-key-id and secret-access-key, or file, or for a role assume-role")
    }
    guard !names.contains("profile") else { throw ConfigurationError("\(map.path).profile: without a file") }
    hasSecrets = true
    return .keys(FunctionCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: try map.secret("session-token")))
  }

  /// Below the state directory: the supervisor can open nothing else (where the kernel has Landlock), and sees what is put there later.
  private func path(_ map: ConfigurationMap) throws(ConfigurationError) -> String {
    let path = try map.text("file", "a path") { !$0.isEmpty && !$0.contains("\n") && !$0.split(separator: "/").contains("..") } ?? ""
    guard path.hasPrefix("/") else { return "\(stateDirectory)/\(path)" }
    guard path.hasPrefix(stateDirectory + "/") else {
      throw ConfigurationError(
        "\(map.path).file \(path): not below the state directory \(stateDirectory)", hint: "the daemon reads no other files")
    }
    return path
  }

  /// A session's secret comes back over it.
  private static func isEndpoint(_ text: String) -> Bool {
    guard let url = URL(string: text), let host = url.host(), !host.isEmpty, url.user() == nil, url.query() == nil, url.fragment() == nil
    else { return false }
    let isLoopback = host == "localhost" || host == "::1" || host == "[::1]" || host.wholeMatch(of: /127(\.[0-9]{1,3}){3}/) != nil
    return url.scheme == "https" || url.scheme == "http" && isLoopback
  }
}
