import FunctionModel
import LinuxSystem

/// The host as its kernel and the daemon show it.
struct HostAudit: Sendable, Encodable {
  var kernel: String
  /// Security modules in force; `nil` where securityfs is not mounted.
  var securityModules: [String]?
  /// The version of Landlock's interface; `nil` without it.
  var landlock: Int?
  /// What the kernel offers to processes of the host that has been a way in elsewhere. Sandboxes have none of the calls.
  var exposures: [Exposure]
  /// By name, as /sys/devices/system/cpu/vulnerabilities has them.
  var vulnerabilities: [String: String]
  var daemon: Daemon
  var promises: [Promise]

  struct Exposure: Sendable, Hashable, Encodable {
    var name: String
    var found: String
    /// What can be done about it; `nil` when nothing need be.
    var advice: String?
  }

  /// What the daemon says of itself: who may call it, and what it keeps.
  struct Daemon: Sendable, Encodable {
    var version: String
    var endpoint: String
    /// As whom: each access key is the whole account.
    var account: String
    var authentication: String?
    var accessKeys: [String]
    /// Who may use the administrator's socket.
    var administrators: String
    var userIDs: String
    var kept: [Kept]
  }

  /// What is kept on disk, and for how long.
  struct Kept: Sendable, Hashable, Encodable {
    var what: String
    var place: String
    var howLong: String
  }

  init(_ snapshot: HostSecuritySnapshot) {
    kernel = snapshot.kernelRelease
    securityModules = snapshot.securityModules
    landlock = snapshot.landlock
    exposures = snapshot.exposures
    vulnerabilities = snapshot.vulnerabilities
    daemon = Daemon(snapshot)
    promises = snapshot.promises
  }
}

extension HostAudit.Daemon {
  fileprivate init(_ snapshot: HostSecuritySnapshot) {
    let facts = snapshot.daemon
    version = facts.version
    endpoint = facts.endpoint
    account = facts.owner.account
    authentication = facts.security?.authentication
    accessKeys = facts.security?.accessKeys ?? []
    administrators =
      "root, uid \(snapshot.socketOwner.map(String.init) ?? "?"), members of gid \(snapshot.socketGroup.map(String.init) ?? "?")"
    userIDs = facts.security.map { "\($0.firstUserID)-\($0.lastUserID)" } ?? "?"
    kept = HostAudit.Kept.all(of: facts)
  }
}

extension HostAudit.Kept {
  fileprivate static func all(of facts: HostFacts) -> [HostAudit.Kept] {
    let state = facts.stateDirectory
    let bound = facts.security.map { security in
      let keep = security.retention
      return (days: "\(keep.seconds / 86_400) days", megabytes: keep.bytes >> 20, keep: keep)
    }
    func rows(_ count: Int?) -> String {
      bound.map { "\($0.days), at most \(count ?? 0) rows; the file \($0.megabytes) MB" } ?? "?"
    }
    return [
      .init(what: "functions, layers, user ids in use", place: "\(state)/roost.sqlite", howLong: "until deleted"),
      .init(what: "invocations, without payloads", place: "\(state)/journal.sqlite", howLong: rows(bound?.keep.invocations)),
      .init(what: "environments", place: "\(state)/journal.sqlite", howLong: rows(bound?.keep.environments)),
      .init(what: "log lines, as the functions wrote them", place: "\(state)/journal.sqlite", howLong: rows(bound?.keep.logLines)),
      .init(what: "code and layers, unpacked", place: "\(state)/artifacts", howLong: "while a function or layer version uses them"),
      .init(what: "/tmp of environments", place: "\(state)/volumes", howLong: "as long as the environment; nameless files"),
      .init(what: "access keys with their secrets", place: "\(state)/credentials", howLong: "until removed"),
      .init(what: "payloads and answers", place: "memory", howLong: "as long as the invocation"),
    ]
  }
}
