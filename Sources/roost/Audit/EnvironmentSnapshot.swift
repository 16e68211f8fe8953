import FunctionModel
import LinuxSystem

/// What `roost audit` reads of one live execution environment, from outside: the judgement over it is pure.
struct EnvironmentSnapshot: Sendable {
  /// A name in the sandbox's /proc, as a process in it finds it.
  struct ProcessFile: Sendable, Hashable {
    enum Access: String, Sendable, Hashable {
      /// Something empty is mounted over it.
      case masked
      /// Its mode gives others nothing, and the host's root is nobody here.
      case closed
      case readable
    }

    var name: String
    var access: Access
  }

  /// A limit of its control groups: which file has it, and what stands there.
  struct GroupFile: Sendable, Hashable, Encodable {
    var path: String
    var value: String
  }

  var status: EnvironmentStatus
  /// `nil` from a daemon that does not tell.
  var security: SecurityFacts?
  /// Process 1 of the sandbox, roost-init.
  var first = ProcessSnapshot()
  /// All others of its process namespace.
  var others: [ProcessSnapshot] = []
  /// Processes of the host that have its user id and are in another namespace.
  var strangers: [Int] = []
  /// The auditor's own, which are the host's.
  var hostNamespaces: [String: String] = [:]
  var filter: InstalledFilter?
  /// Why there is none.
  var filterProblem: String?
  var processFiles: [ProcessFile] = []
  /// Names in its /dev, by what kind of file they are.
  var devices: [String: String] = [:]
  var groupFiles: [GroupFile] = []
  var network = NetworkSnapshot()
  /// The daemon's state directory, of which no name may be seen inside.
  var stateDirectory = ""

  var all: [ProcessSnapshot] { [first] + others }
}

/// What the kernel shows of a network namespace.
struct NetworkSnapshot: Sendable, Hashable, Encodable {
  var interfaces: [String] = []
  /// Destinations of IPv4 and IPv6 routes that leave by another interface than loopback, as the kernel writes them: `eth0 00000000/00000000`.
  var routes: [String] = []
  /// Listening TCP sockets as `0100007F:1F90` (address in the machine's byte order, port).
  var listeners: [String] = []
  /// `nameserver` lines of its /etc/resolv.conf.
  var nameServers: [String] = []
}
