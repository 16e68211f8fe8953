import FunctionModel

// Promises about the two daemons: the one that talks to everybody, and the one that is root.
extension HostSecuritySnapshot {
  var supervisorPromise: Promise {
    let claim = "the daemon that parses foreign bytes has no privilege, and cannot get one"
    guard let user = supervisor.field("Uid") else { return .unknown(claim, "its process cannot be read") }
    var exceptions = user.split(separator: " ").contains("0") ? ["uid 0"] : []
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] where supervisor.field(set) != "0000000000000000" {
      exceptions.append("\(set) \(supervisor.field(set) ?? "?")")
    }
    return Promise(
      claim, exceptions: exceptions + Self.unsealed(supervisor),
      otherwise: "uid \(user.split(separator: " ").first ?? ""), no capability, no_new_privs, a system call filter")
  }

  var domainPromise: Promise {
    let claim = "that daemon opens no file of the host but what it needs (Landlock)"
    guard landlock != nil else { return .unknown(claim, "this kernel has no Landlock: the daemon's uid alone decides") }
    guard let lists = daemon.security?.listsHostRoot else { return .unknown(claim, "the daemon does not tell") }
    return Promise(claim, holds: !lists, found: lists ? "it could list /" : "it was refused to list /")
  }

  var rootPromise: Promise {
    let claim = "the daemon that is root has the capabilities that it uses, and no others"
    guard root.field("Uid") != nil else { return .unknown(claim, "its process cannot be read") }
    var exceptions = root.name == "roostd" ? [] : ["the supervisor's parent is \(root.description)"]
    for (set, most) in [("CapEff", Self.usedCapabilities), ("CapPrm", Self.keptCapabilities), ("CapBnd", Self.keptCapabilities)] {
      let text = root.field(set) ?? "?"
      if UInt64(text, radix: 16).map({ $0 & ~most != 0 }) ?? true { exceptions.append("\(set) \(text)") }
    }
    return Promise(
      claim, exceptions: exceptions + Self.unsealed(root),
      otherwise: "CapEff \(root.field("CapEff") ?? ""), no_new_privs, a system call filter")
  }

  /// KILL, SETGID, SETUID, SETPCAP, NET_ADMIN, SYS_ADMIN, SYS_RESOURCE, MKNOD: roostd's own list has the reasons.
  private static let usedCapabilities: UInt64 = [5, 6, 7, 8, 12, 21, 24, 27].reduce(0) { $0 | 1 << $1 }
  /// DAC_OVERRIDE is laid aside, and taken up again at the end.
  private static let keptCapabilities = usedCapabilities | 1 << 1

  private static func unsealed(_ process: ProcessSnapshot) -> [String] {
    (process.field("NoNewPrivs") == "1" ? [] : ["no_new_privs is off"]) + (process.field("Seccomp") == "2" ? [] : ["no system call filter"])
  }
}
