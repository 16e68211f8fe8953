// What of the host's kernel has been a way in elsewhere, and is not Roost's to close.
extension HostSecuritySnapshot {
  var exposures: [HostAudit.Exposure] {
    [
      exposure(
        "cryptography sockets (AF_ALG)", hasCryptographySockets ? "on" : "off", advice: hasCryptographySockets ? "blacklist algif_*" : nil),
      setting("io_uring", "kernel/io_uring_disabled", ["0": "for everybody", "1": "for root", "2": "off"], fine: ["2", "1"], "=2"),
      userNamespaces,
      setting("unprivileged BPF", "kernel/unprivileged_bpf_disabled", ["0": "on", "1": "off", "2": "off"], fine: ["1", "2"], "=1"),
      setting("perf events", "kernel/perf_event_paranoid", [:], fine: ["2", "3", "4"], "=2"),
      setting("ptrace among equals (Yama)", "kernel/yama/ptrace_scope", ["0": "on"], fine: ["1", "2", "3"], "=1"),
      setting("kernel addresses", "kernel/kptr_restrict", ["0": "shown to root"], fine: ["0", "1", "2"], "=1"),
      coreDumps, hugePages, threads,
    ]
  }

  private func exposure(_ name: String, _ found: String, advice: String?) -> HostAudit.Exposure {
    HostAudit.Exposure(name: name, found: found, advice: advice)
  }

  private func setting(
    _ name: String, _ key: String, _ meanings: [String: String], fine: Set<String>, _ better: String
  ) -> HostAudit.Exposure {
    guard let value = settings["/proc/sys/\(key)"] else { return exposure(name, "this kernel has no such setting", advice: nil) }
    let found = meanings[value].map { "\($0) (\(value))" } ?? value
    return exposure(name, found, advice: fine.contains(value) ? nil : "sysctl -w \(key.replacing("/", with: "."))\(better)")
  }

  /// Sandboxes need them: each environment's user makes its own, before its privileges and the call are taken away.
  private var userNamespaces: HostAudit.Exposure {
    let most = settings["/proc/sys/user/max_user_namespaces"] ?? "?"
    let debian = settings["/proc/sys/kernel/unprivileged_userns_clone"].map { ", unprivileged_userns_clone \($0)" } ?? ""
    return exposure("user namespaces for everybody", "at most \(most)\(debian)", advice: nil)
  }

  private var coreDumps: HostAudit.Exposure {
    let pattern = settings["/proc/sys/kernel/core_pattern"] ?? "?"
    // A sandbox's cores are written nowhere, but each of its crashes is a line in the kernel's log, or a connection to who takes them.
    let isFile = !pattern.hasPrefix("|") && !pattern.hasPrefix("@")
    return exposure("core dumps", pattern, advice: isFile ? nil : "sysctl -w kernel.core_pattern=core")
  }

  private var hugePages: HostAudit.Exposure {
    exposure("reserved huge pages", settings["/proc/sys/vm/nr_hugepages"] ?? "none", advice: nil)
  }

  private var threads: HostAudit.Exposure {
    let isActive = settings["/sys/devices/system/cpu/smt/active"]
    return exposure(
      "simultaneous multithreading", isActive == "1" ? "on" : isActive == "0" ? "off" : "unknown",
      advice: isActive == "1" ? "boot with nosmt where tenants are hostile to each other" : nil)
  }
}
