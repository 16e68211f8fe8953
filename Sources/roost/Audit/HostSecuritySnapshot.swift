import FunctionModel
import LinuxSystem

/// What `roost audit` reads of the host: the judgement over it is pure.
struct HostSecuritySnapshot: Sendable {
  var daemon: HostFacts
  var kernelRelease = ""
  var securityModules: [String]?
  var landlock: Int?
  /// Of /proc/sys and /sys, by path; what is not there has no entry.
  var settings: [String: String] = [:]
  var vulnerabilities: [String: String] = [:]
  /// Whether a process of the host gets a socket of the kernel's cryptography, AF_ALG.
  var hasCryptographySockets = false
  /// The daemon's own process, and roostd, its parent.
  var supervisor = ProcessSnapshot()
  var root = ProcessSnapshot()
  var socketOwner: Int?
  var socketGroup: Int?
  /// Modes of files in the state directory that hold what is no other's business, by name.
  var privateModes: [String: Int] = [:]
  var socketMode: Int?
  /// `/etc/passwd`
  var users = ""

  static let settingPaths = [
    "/proc/sys/kernel/io_uring_disabled", "/proc/sys/kernel/unprivileged_bpf_disabled", "/proc/sys/kernel/perf_event_paranoid",
    "/proc/sys/kernel/yama/ptrace_scope", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/kptr_restrict", "/proc/sys/vm/nr_hugepages",
    "/proc/sys/user/max_user_namespaces", "/proc/sys/kernel/unprivileged_userns_clone", "/sys/devices/system/cpu/smt/active",
  ]
  static let privateFiles = ["roost.sqlite", "journal.sqlite", "credentials", "artifacts"]

  var promises: [Promise] { [supervisorPromise, domainPromise, rootPromise, keyPromise, filePromise, socketPromise, rangePromise] }

  private var keyPromise: Promise {
    let claim = "who calls from elsewhere has signed with a key"
    guard let security = daemon.security else { return .unknown(claim, "the daemon does not tell") }
    let host = daemon.endpoint.dropFirst("http://".count)
    let isLoopback = host.hasPrefix("127.") || host.hasPrefix("localhost:") || host.hasPrefix("[::1]") || host.hasPrefix("::1:")
    return Promise(
      claim, holds: security.authentication == "sigv4" || isLoopback,
      found: "\(security.authentication) at \(daemon.endpoint), \(security.accessKeys.count) keys")
  }

  private var filePromise: Promise {
    // The group of the directory with all code is the daemon's own.
    let open = privateModes.filter { $0.value & ($0.key == "artifacts" ? 0o007 : 0o077) != 0 }.keys.sorted()
    return Promise(
      "keys, logs, code and configuration on disk are the daemon's alone",
      exceptions: open.map { "\($0) has mode \(String(privateModes[$0] ?? 0, radix: 8))" },
      otherwise: privateModes.sorted { $0.key < $1.key }.map { "\($0.key) \(String($0.value, radix: 8))" }.joined(separator: ", "))
  }

  private var socketPromise: Promise {
    let claim = "administrators are root, the daemon's user and its group"
    guard let socketMode else { return .unknown(claim, "the socket cannot be read") }
    return Promise(claim, holds: socketMode & 0o007 == 0, found: "admin.sock has mode \(String(socketMode, radix: 8))")
  }

  private var rangePromise: Promise {
    let claim = "no user of the host has an id that environments are given"
    guard let security = daemon.security else { return .unknown(claim, "the daemon does not tell") }
    let range = security.firstUserID...security.lastUserID
    let names = users.split(separator: "\n").compactMap { line -> String? in
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      guard fields.count > 2, let user = UInt32(fields[2]), range.contains(user) else { return nil }
      return "\(fields[0]) (\(user))"
    }
    return Promise(claim, exceptions: names, otherwise: "\(range.lowerBound)-\(range.upperBound)")
  }
}
