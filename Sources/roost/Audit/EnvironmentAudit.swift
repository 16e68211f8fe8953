import Crypto
import FunctionModel
import LinuxSystem

/// One environment as its kernel shows it, and what becomes of the promises.
struct EnvironmentAudit: Sendable, Encodable {
  var id: String
  var function: String
  var state: String
  var identity: Identity
  var processes: [ProcessAudit]
  /// `nil` where the kernel did not show it.
  var filter: FilterAudit?
  var namespaces: [String: String]
  var mounts: [MountLine]
  /// Names in /proc, by whether they are `masked`, `closed` or `readable`.
  var processFiles: [String: [String]]
  var devices: [String]
  var controlGroupFiles: [EnvironmentSnapshot.GroupFile]
  /// Its policy, `none` or `nat`; `nil` from a daemon that does not tell.
  var egress: String?
  var network: NetworkSnapshot
  /// Names of the variables that its processes were started with, and those of them that hold AWS credentials.
  var variables: [String]
  var credentialVariables: [String]
  var promises: [Promise]

  struct Identity: Sendable, Encodable {
    var hostUserID: Int
    var userMap: String
    var groupMap: String
    var setGroups: String
  }

  init(_ snapshot: EnvironmentSnapshot) {
    let first = snapshot.first
    id = snapshot.status.id
    function = snapshot.status.function.arn(qualifier: snapshot.status.version)
    state = snapshot.status.state.rawValue
    identity = Identity(
      hostUserID: snapshot.status.hostUserID, userMap: first.userMap.flat, groupMap: first.groupMap.flat, setGroups: first.setGroups.flat)
    processes = snapshot.all.map(ProcessAudit.init)
    filter = snapshot.filter.map(FilterAudit.init)
    namespaces = first.namespaces
    mounts = first.mounts
    processFiles = snapshot.processFiles.reduce(into: ["masked": [], "closed": [], "readable": []]) {
      $0[$1.access.rawValue, default: []].append($1.name)
    }
    devices = snapshot.devices.keys.sorted()
    controlGroupFiles = snapshot.groupFiles
    egress = snapshot.status.egress?.rawValue
    network = snapshot.network
    variables = Set(snapshot.others.flatMap(\.variables)).sorted()
    credentialVariables = variables.filter(ProcessSnapshot.credentialVariables.contains)
    promises = snapshot.promises
  }
}

/// What the kernel shows of one process.
struct ProcessAudit: Sendable, Encodable {
  /// On the host, and in the sandbox.
  var id: Int
  var innerID: Int?
  var name: String
  var isDumpable: Bool
  /// Lines of its `status`.
  var status: [String: String]
  var limits: [String: ProcessSnapshot.Limit]
  var descriptors: [ProcessSnapshot.Descriptor]

  static let statusFields = [
    "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters",
  ]

  init(_ process: ProcessSnapshot) {
    id = process.id
    innerID = process.field("NSpid")?.split(separator: " ").last.flatMap { Int($0) }
    name = process.name
    isDumpable = process.isDumpable
    status = Self.statusFields.reduce(into: [:]) { $0[$1] = process.field($1) }
    limits = process.limits
    descriptors = process.descriptors
  }
}

/// A system call filter as the kernel has it.
struct FilterAudit: Sendable, Encodable {
  /// Of the program's bytes: the same on every host with the same release, kernel architecture and libseccomp.
  var sha256: String
  var instructions: Int
  var allowed: [String]
  var decidedByArgument: [String]
  /// Succeed, and do nothing.
  var ineffective: [String]
  /// By errno.
  var refused: [String: [String]]

  init(_ filter: InstalledFilter) {
    let policy = SystemCallPolicy(filter)
    sha256 = SHA256.hash(data: filter.bytes).map { byte in
      let text = String(byte, radix: 16)
      return text.count == 1 ? "0\(text)" : text
    }.joined()
    instructions = filter.instructions.count
    allowed = policy.allowed
    decidedByArgument = policy.decidedByArgument
    ineffective = policy.ineffective
    refused = ["EPERM": policy.refused(with: 1), "ENOSYS": policy.refused(with: 38), "otherwise": policy.refusedOtherwise]
  }
}
