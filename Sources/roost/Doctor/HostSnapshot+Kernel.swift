import LinuxSystem

extension HostSnapshot {
  /// Debian 12's; what newer kernels add is looked for by itself.
  static let oldestKernel = KernelVersion(major: 6, minor: 1)

  var kernelVersion: KernelVersion? { KernelVersion(kernelRelease) }

  var kernelFindings: [Finding] {
    [kernelFinding, namespaceFinding, userNamespaceFinding, seccompFinding, systemCallFinding, landlockFinding]
  }

  private var kernelFinding: Finding {
    let name = "kernel \(Self.oldestKernel) or newer"
    guard let version = kernelVersion, version >= Self.oldestKernel else {
      return .missing(name, kernelRelease.isEmpty ? "unknown" : kernelRelease, remedy: "boot a newer kernel; Debian 12 has 6.1")
    }
    return .ok(name, kernelRelease)
  }

  private var namespaceFinding: Finding {
    let wanted = ["mnt", "pid", "net", "ipc", "uts", "cgroup"]
    let absent = wanted.filter { !namespaces.contains($0) }
    guard absent.isEmpty else {
      return .missing("namespaces", "no \(absent.joined(separator: ", "))", remedy: "a kernel with CONFIG_NAMESPACES and all below it")
    }
    return .ok("namespaces", wanted.joined(separator: ", "))
  }

  /// Each environment's own user makes its user namespace, so that those knobs apply that restrict unprivileged users.
  private var userNamespaceFinding: Finding {
    let name = "user namespaces"
    guard namespaces.contains("user") else { return .missing(name, "none", remedy: "a kernel with CONFIG_USER_NS") }
    let most = settings["user.max_user_namespaces"] ?? 0
    if most == 0 { return .missing(name, "switched off", remedy: "sysctl -w user.max_user_namespaces=100000") }
    if settings["kernel.unprivileged_userns_clone"] == 0 {
      return .missing(name, "for root only", remedy: "sysctl -w kernel.unprivileged_userns_clone=1")
    }
    if settings["kernel.apparmor_restrict_unprivileged_userns"] == 1 {
      return .missing(name, "restricted by AppArmor", remedy: "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0")
    }
    return .ok(name, "at most \(most)")
  }

  private var seccompFinding: Finding {
    let actions = seccompActions.split(whereSeparator: \.isWhitespace)
    guard actions.contains("errno"), actions.contains("allow") else {
      return .missing("seccomp filters", "none", remedy: "a kernel with CONFIG_SECCOMP_FILTER")
    }
    return .ok("seccomp filters", "\(actions.count) actions")
  }

  /// Version 2 is the first that sandboxes use; 6 has all that is used.
  private var landlockFinding: Finding {
    let instead = "mount flags, user ids and system call lists alone"
    switch landlockVersion {
    case nil:
      return .substitute(
        "Landlock", "none", instead: instead, remedy: "a kernel with CONFIG_SECURITY_LANDLOCK, and `landlock` in its lsm= at boot")
    case 1?: return .substitute("Landlock", "version 1", instead: instead, remedy: "a newer kernel; 6.12 has all that is used")
    case let version?: return .ok("Landlock", "version \(version)")
    }
  }

  private var systemCallFinding: Finding {
    let absent = SystemCallProbe.allCases.filter { !systemCalls.contains($0) }.map(\.rawValue)
    guard absent.isEmpty else {
      return .missing(
        "system calls", "no \(absent.joined(separator: ", "))",
        remedy: "run outside a container, or with a seccomp profile that allows them")
    }
    return .ok("system calls", SystemCallProbe.allCases.map(\.rawValue).joined(separator: ", "))
  }
}

/// The first two numbers of a kernel release.
struct KernelVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
  var major: Int
  var minor: Int

  init(major: Int, minor: Int) {
    self.major = major
    self.minor = minor
  }

  /// From `6.1.0-28-amd64` or `6.12-rc3`; `nil` for anything else.
  init?(_ release: String) {
    let numbers = release.split(maxSplits: 2, omittingEmptySubsequences: false) { !$0.isWholeNumber }
    guard numbers.count >= 2, let major = Int(numbers[0]), let minor = Int(numbers[1]) else { return nil }
    self.init(major: major, minor: minor)
  }

  var description: String { "\(major).\(minor)" }

  static func < (left: KernelVersion, right: KernelVersion) -> Bool { (left.major, left.minor) < (right.major, right.minor) }
}
