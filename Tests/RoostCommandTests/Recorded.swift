import FunctionModel
import LinuxSystem

@testable import roost

/// An environment and a host as the kernel showed them, shortened.
enum Recorded {
  static let security = SecurityFacts(
    authentication: "sigv4", accessKeys: ["AKIAEXAMPLE"], processID: 640, userIDs: 200_001...265_536,
    retention: RetentionFacts(seconds: 604_800, invocations: 1_000_000, environments: 200_000, logLines: 2_000_000, bytes: 2_048 << 20),
    listsHostRoot: false)

  static let environment: EnvironmentSnapshot = {
    var status = Samples.frozen
    status.egress = NetworkDefinitions.Egress.none
    var snapshot = EnvironmentSnapshot(status: status, security: security)
    snapshot.stateDirectory = "/var/lib/roost"
    snapshot.hostNamespaces = namespaces(from: 100)
    snapshot.first = process(711, "roost-init", inner: 1)
    snapshot.first.isDumpable = false
    snapshot.first.descriptors = [
      .init(number: 3, target: "socket:[5001]", mount: 9), .init(number: 4, target: "anon_inode:[signalfd]", mount: 15),
    ]
    var runtime = process(712, "bootstrap", inner: 2)
    runtime.descriptors = [
      .init(number: 0, target: "/dev/null", mount: 22), .init(number: 1, target: "pipe:[5002]", mount: 13),
      .init(number: 5, target: "/memfd:shared (deleted)", mount: 1),
    ]
    runtime.variables = ["PATH", "TZ"]
    snapshot.others = [runtime]
    snapshot.filter = .refusing
    snapshot.processFiles = [
      .init(name: "interrupts", access: .masked), .init(name: "kcore", access: .closed), .init(name: "meminfo", access: .readable),
    ]
    for name in ["full", "null", "random", "urandom", "zero"] { snapshot.devices[name] = "NSFileTypeCharacterSpecial" }
    for name in ["fd", "stdin", "stdout", "stderr"] { snapshot.devices[name] = EnvironmentSnapshot.linkKind }
    snapshot.groupFiles = [("memory.max", "268435456"), ("memory.swap.max", "0"), ("pids.max", "1024"), ("cpu.max", "2894 20000")].map {
      .init(path: "/sys/fs/cgroup/roost-c42e16a4/1/\($0.0)", value: $0.1)
    }
    snapshot.network = NetworkSnapshot(interfaces: ["lo"], listeners: ["0164FEA9:2329"])
    return snapshot
  }()

  static let host: HostSecuritySnapshot = {
    var snapshot = HostSecuritySnapshot(
      daemon: HostFacts(
        version: "0.1.0", started: Samples.noon, stateDirectory: "/var/lib/roost", endpoint: "http://127.0.0.1:3001",
        owner: Samples.function.owner, runtimes: ["python3.11"],
        capacity: HostCapacity(
          concurrencyLimit: 1_000, concurrencyInUse: 0, memoryBudget: .megabytes(4_096), memoryCommitted: MemorySize(bytes: 0),
          diskBudget: .megabytes(8_192), diskCommitted: MemorySize(bytes: 0)),
        security: security))
    snapshot.kernelRelease = "6.1.0-28-amd64"
    snapshot.securityModules = ["lockdown", "capability", "landlock", "yama", "apparmor"]
    snapshot.landlock = 2
    snapshot.settings = [
      "/proc/sys/kernel/io_uring_disabled": "0", "/proc/sys/kernel/unprivileged_bpf_disabled": "2",
      "/proc/sys/user/max_user_namespaces": "15329", "/proc/sys/kernel/core_pattern": "core", "/sys/devices/system/cpu/smt/active": "1",
    ]
    snapshot.vulnerabilities = ["meltdown": "Not affected", "spectre_v2": "Mitigation: Retpolines"]
    snapshot.hasCryptographySockets = true
    snapshot.supervisor = process(640, "roost-supervisor", inner: 640)
    snapshot.supervisor.status.replace("200017", with: "999")
    snapshot.root = process(639, "roostd", inner: 639)
    snapshot.root.status.replace("200017", with: "0")
    snapshot.root.status.replace("CapEff:\t0000000000000000", with: "CapEff:\t00000000092011e0")
    (snapshot.socketOwner, snapshot.socketGroup, snapshot.socketMode) = (999, 995, 0o660)
    snapshot.privateModes = ["roost.sqlite": 0o600, "journal.sqlite": 0o600, "credentials": 0o600, "artifacts": 0o770]
    snapshot.users = "root:x:0:0:root:/root:/bin/bash\nroost:x:999:995::/:/usr/sbin/nologin\n"
    return snapshot
  }()

  private static func namespaces(from first: Int) -> [String: String] {
    let names = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"]
    return Dictionary(uniqueKeysWithValues: names.enumerated().map { ($0.element, "\($0.element):[\(first + $0.offset)]") })
  }

  private static func process(_ id: Int, _ name: String, inner: Int) -> ProcessSnapshot {
    var snapshot = ProcessSnapshot()
    snapshot.id = id
    let ids = "200017\t200017\t200017\t200017"
    let sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map { "\($0):\t0000000000000000\n" }.joined()
    snapshot.status =
      "Name:\t\(name)\nUid:\t\(ids)\nGid:\t\(ids)\nGroups:\t\nNSpid:\t\(id)\t\(inner)\n\(sets)NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n"
    snapshot.userMap = "       993     200017          1\n"
    snapshot.groupMap = "       990     200017          1\n"
    snapshot.setGroups = "deny\n"
    snapshot.mountInfo = """
      11 21 7:3 / /tmp rw,nosuid,nodev,noatime - ext4 /dev/loop3 rw
      21 1 0:50 / / ro,nosuid,nodev,relatime - overlay root ro,lowerdir=/proc/self/fd/9:/proc/self/fd/8
      22 21 0:51 / /dev ro,nosuid,noexec,relatime - tmpfs dev ro,size=4k
      23 21 0:52 / /proc ro,nosuid,nodev,noexec,relatime - proc proc rw,hidepid=invisible
      24 23 0:51 /null /proc/interrupts ro,nosuid,noexec,relatime - tmpfs dev ro,size=4k

      """
    snapshot.limitsText = """
      Limit                     Soft Limit           Hard Limit           Units     
      Max cpu time              unlimited            unlimited            seconds   
      Max core file size        1                    1                    bytes     
      Max processes             1040                 1040                 processes 
      Max open files            1024                 1024                 files     
      Max locked memory         65536                65536                bytes     
      Max pending signals       1024                 1024                 signals   
      Max msgqueue size         65536                65536                bytes     
      Max nice priority         0                    0                    
      Max realtime priority     0                    0                    
      """
    snapshot.namespaces = namespaces(from: 4_000)
    return snapshot
  }
}

extension String {
  fileprivate mutating func replace(_ some: String, with other: String) { self = replacing(some, with: other) }
}

extension InstalledFilter {
  /// Every call passes.
  static let allowing = InstalledFilter(instructions: [
    Instruction(code: 0x20, operand: 4), Instruction(code: 0x15, jumpIfTrue: 0, jumpIfFalse: 1, operand: 0x4000_0003),
    Instruction(code: 0x06, operand: 0x0005_0026), Instruction(code: 0x06, operand: 0x7FFF_0000),
  ])
  /// None does.
  static let refusing = InstalledFilter(instructions: [Instruction(code: 0x06, operand: 0x0005_0001)])
}
