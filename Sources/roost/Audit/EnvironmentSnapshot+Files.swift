import FunctionModel

// Promises about files: mounts, /proc, /dev, descriptors.
extension EnvironmentSnapshot {
  var filePromises: [Promise] {
    [mountPromise, viewPromise, temporaryPromise, processPromise, devicePromise, descriptorPromise, firstDescriptorPromise]
  }

  private var mountPromise: Promise {
    let exceptions = first.mounts.flatMap { mount -> [String] in
      // What covers a name of /proc is a part of /dev or an empty file system, and read-only as they are.
      var missing = ["nosuid"]
      if mount.point != "/tmp" { missing.append("ro") }
      // The nodes of /dev are there to be opened; nothing else has any.
      if mount.point == "/proc" || mount.point == "/dev" { missing.append("noexec") }
      if mount.point == "/" || mount.point == "/tmp" || mount.point == "/proc" { missing.append("nodev") }
      return missing.filter { !mount.has($0) }.map { "\(mount.point) is not \($0)" }
    }
    return Promise(
      "only /tmp can be written; no set-id file counts, no device node but /dev's", exceptions: exceptions,
      otherwise: "\(first.mounts.count) mounts")
  }

  private var viewPromise: Promise {
    let usual: Set<String> = ["overlay", "tmpfs", "proc", "ext4", "btrfs"]
    var exceptions = first.mounts.filter { !usual.contains($0.type) }.map { "\($0.point) is \($0.type)" }
    exceptions += first.mounts.filter { mount in
      !stateDirectory.isEmpty && ([mount.root, mount.source] + mount.superblockOptions).contains { $0.contains(stateDirectory) }
    }.map { "\($0.point) names the state directory" }
    return Promise(
      "no file system that speaks for the kernel or the host is mounted, and no path of the host shows", exceptions: exceptions,
      otherwise: Set(first.mounts.map(\.type)).sorted().joined(separator: ", "))
  }

  private var temporaryPromise: Promise {
    let claim = "/tmp is a file system of its own"
    guard let mount = first.mounts.last(where: { $0.point == "/tmp" }) else { return Promise(claim, holds: false, found: "none") }
    return Promise(claim, holds: ["ext4", "btrfs", "tmpfs"].contains(mount.type), found: "\(mount.type) \(mount.source)")
  }

  /// Of /proc what tells of the host's other tenants, its memory or its kernel's addresses.
  static let hiddenNames = [
    "acpi", "asound", "buddyinfo", "bus", "cmdline", "config.gz", "diskstats", "driver", "fs", "interrupts", "iomem", "ioports", "irq",
    "kallsyms",
    "kcore", "kmsg", "kpagecgroup", "kpagecount", "kpageflags", "latency_stats", "mdstat", "modules", "mtrr", "pagetypeinfo", "partitions",
    "pressure", "sched_debug", "schedstat", "scsi", "slabinfo", "softirqs", "swaps", "sysrq-trigger", "timer_list", "tty", "vmallocinfo",
    "zoneinfo",
  ]

  private var processPromise: Promise {
    var exceptions = processFiles.filter { $0.access == .readable && Self.hiddenNames.contains($0.name) }.map(\.name)
    let mount = first.mounts.first { $0.point == "/proc" }
    if mount?.superblockOptions.contains("hidepid=invisible") != true { exceptions.append("processes of others are listed") }
    return Promise(
      "/proc tells of no other process and not of the host's devices", exceptions: exceptions,
      otherwise: "hidepid=invisible, \(processFiles.filter { $0.access == .masked }.count) names covered")
  }

  private var devicePromise: Promise {
    let harmless: Set<String> = ["null", "zero", "full", "random", "urandom"]
    let links: Set<String> = ["fd", "stdin", "stdout", "stderr"]
    let exceptions = devices.filter { !(harmless.contains($0.key) || links.contains($0.key) && $0.value == Self.linkKind) }.keys.sorted()
    return Promise(
      "/dev has the five devices that reach nothing", exceptions: exceptions, otherwise: devices.keys.sorted().joined(separator: " "))
  }

  /// `FileAttributeType.typeSymbolicLink`
  static let linkKind = "NSFileTypeSymbolicLink"

  private var descriptorPromise: Promise {
    let mounts = Set(first.mounts.map(\.id))
    let strange = all.flatMap { one in
      one.descriptors.filter { $0.target.hasPrefix("/") && !$0.isKernels && !($0.mount.map(mounts.contains) ?? false) }
        .map { "\(one.description): \($0.number) is \($0.target)" }
    }
    return Promise(
      "no process holds a file of the host open", exceptions: strange,
      otherwise: "\(all.reduce(0) { $0 + $1.descriptors.count }) descriptors")
  }

  private var firstDescriptorPromise: Promise {
    let targets = first.descriptors.map(\.target)
    let strange = first.descriptors.filter { !$0.target.hasPrefix("socket:") && $0.target != "anon_inode:[signalfd]" }
      .map { "\($0.number) is \($0.target)" }
    return Promise(
      "process 1 holds its control socket and its signals, nothing else",
      exceptions: strange + (targets.count > 2 ? ["\(targets.count) descriptors"] : []), otherwise: targets.joined(separator: ", "))
  }
}

extension ProcessSnapshot.Descriptor {
  /// Memory files: they have a path, and belong to no mount that could be seen.
  fileprivate var isKernels: Bool { target.hasPrefix("/memfd:") || target.hasPrefix("/SYSV") || target.hasPrefix("/dev/zero (deleted)") }
}
