import FunctionModel
import LinuxSystem

extension EnvironmentSnapshot {
  /// All that is promised of an environment, in the order of Isolation.md.
  var promises: [Promise] {
    identityPromises + privilegePromises + filterPromises + [namespacePromise] + filePromises + limitPromises + [networkPromise]
  }

  /// `993 2000000001 1`
  private static func mappedID(_ map: String) -> UInt32? {
    let fields = map.split(whereSeparator: \.isWhitespace)
    return fields.count == 3 && fields[2] == "1" && fields[0] != "0" ? UInt32(fields[1]) : nil
  }

  private var identityPromises: [Promise] {
    let user = Self.mappedID(first.userMap), group = Self.mappedID(first.groupMap)
    let expected = UInt32(clamping: status.hostUserID)
    var maps = [String]()
    if user != expected { maps.append("uid_map \(first.userMap.flat)") }
    if group != expected { maps.append("gid_map \(first.groupMap.flat)") }
    if first.setGroups.flat != "deny" { maps.append("setgroups \(first.setGroups.flat)") }
    if let security, !(security.firstUserID...security.lastUserID).contains(expected) { maps.append("\(expected) is outside of the range") }
    let ids = all.filter { one in
      ["Uid", "Gid"].contains { one.field($0) != [String](repeating: "\(expected)", count: 4).joined(separator: " ") }
        || one.field("Groups") != ""
    }
    return [
      Promise("one user and one group are mapped, to an id of its own on the host", exceptions: maps, otherwise: first.userMap.flat),
      Promise(
        "every process has that user and group, and no other", exceptions: ids.map(\.description), otherwise: "\(all.count) processes"),
      Promise(
        "no process elsewhere on the host has its user", exceptions: strangers.map { "process \($0)" }, otherwise: "uid \(expected)"),
    ]
  }

  private func without(_ claim: String, _ fields: [String], _ value: String) -> Promise {
    let exceptions = all.flatMap { one in
      fields.filter { one.field($0) != value }.map { "\(one.description): \($0) \(one.field($0) ?? "?")" }
    }
    return Promise(claim, exceptions: exceptions, otherwise: "\(fields.joined(separator: ", ")) \(value)")
  }

  private var privilegePromises: [Promise] {
    [
      without("no process has a capability, nor can get one", ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"], "0000000000000000"),
      without("no execve gives privileges", ["NoNewPrivs"], "1"),
      without("every process is under a system call filter", ["Seccomp"], "2"),
      Promise("process 1 is out of its tenant's reach", holds: !first.isDumpable, found: first.isDumpable ? "dumpable" : "not dumpable"),
    ]
  }

  /// What no argument makes harmless. A kernel or libseccomp that does not know one of them refuses it all the same.
  static let neverPassing = [
    "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsmount", "mount_setattr", "unshare", "setns",
    "clone3",
    "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup",
    "io_setup", "keyctl", "add_key", "request_key", "open_by_handle_at", "name_to_handle_at", "memfd_secret", "vmsplice", "init_module",
    "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "acct", "quotactl", "syslog", "settimeofday",
    "clock_settime", "adjtimex", "iopl", "ioperm", "modify_ldt", "fanotify_init", "sethostname",
  ]

  private var filterPromises: [Promise] {
    let claim = "the filter lets no call pass that reaches beyond a sandbox"
    guard let filter else { return [.unknown(claim, filterProblem ?? "the kernel did not show the filter")] }
    let policy = SystemCallPolicy(filter)
    let passing = Self.neverPassing.filter(policy.mayPass)
    let foreign = policy.foreign.contains(.allowed)
    return [
      Promise(claim, exceptions: passing, otherwise: "\(policy.allowed.count) calls pass unconditionally, none of those"),
      Promise(
        "calls of other architectures do not pass", holds: !foreign,
        found: foreign ? "the filter lets them pass" : "the filter refuses them"),
    ]
  }

  private var namespacePromise: Promise {
    let names = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"]
    let shared = all.flatMap { one in
      names.filter { name in
        guard let own = one.namespaces[name] else { return true }
        return own == hostNamespaces[name] || own != first.namespaces[name]
      }.map { "\(one.description): \($0)" }
    }
    return Promise("its namespaces are its own, all seven", exceptions: shared, otherwise: names.joined(separator: ", "))
  }
}

extension String {
  /// On one line, blanks single.
  var flat: String { split(whereSeparator: \.isWhitespace).joined(separator: " ") }
}
