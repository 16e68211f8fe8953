import FunctionModel

/// What `roost audit` says: `--output json` prints it, and its field names are a contract.
struct AuditReport: Sendable, Encodable {
  var host: HostAudit
  var environments: [EnvironmentAudit]
  /// What no promise covers.
  var notProtected = Self.notProtected

  var promises: [Promise] { host.promises + environments.flatMap(\.promises) }

  /// One line for each promise that does not hold, with what it is about.
  var broken: [String] {
    Self.lines("host", host.promises) + environments.flatMap { Self.lines("environment \($0.id.prefix(8))", $0.promises) }
  }

  private static func lines(_ subject: String, _ promises: [Promise]) -> [String] {
    promises.filter { $0.verdict == .broken }.map { "\(subject): \($0.claim): \($0.found)" }
  }

  /// One line for each that ThreatModel.md has under this name, in its order.
  static let notProtected = [
    "holes in the host's kernel, which all sandboxes share: for tenants who are hostile to each other, put a virtual machine of its own around a host per tenant",
    "side channels of the CPU (caches, branch predictors, simultaneous multithreading) and of the page cache that equal files share",
    "timing of what is reused: how long a start takes tells a little of what others did before",
    "contention for memory bandwidth, CPU caches, disks and the network: CPU time, memory, processes and /tmp's size are limited, these are not",
    "TCP's buffers on cgroup v1: many connections hold more than their limit, up to what the host's tcp_mem allows",
    "what the host as a whole looks like: /proc/stat, meminfo, vmstat, loadavg, uptime and the kernel's version can be read inside",
    "a way out that is open: with nat, whatever the policy does not close, the host's private networks among it; names that are resolved can carry data",
    "the moment after somebody flushes the host's firewall, until roostd has made its table again",
    "a stolen access key, which is the whole account: there are no policies yet",
    "roles, which everybody who may create functions may use: there is no iam:PassRole",
    "variables of functions, which lie in the catalog as they are and are shown to every access key and administrator",
    "a function against its own code, layers and dependencies, and its callers against what it answers",
    "the machine's owner, its hypervisor and its disks",
  ]

  func lines() -> [String] {
    var lines = host.lines()
    for environment in environments { lines += [""] + environment.lines() }
    return lines + ["", "NOT PROTECTED"] + notProtected.map { "- \($0)" }
  }
}

extension FactList {
  /// Several values as one, parted by blanks; "none" when there are none.
  mutating func add(_ name: String, all values: [String]) {
    add(name, values.isEmpty ? "none" : values.joined(separator: " "))
  }
}
