import FoundationEssentials
import FunctionModel
import LinuxSystem
import Testing

@testable import roost

/// The judgement of `roost doctor` over hosts as they were recorded.
@Suite struct DoctorTests {
  @Test func `a Debian 12 host with control groups v2 alone lacks nothing`() throws {
    let host = Hosts.debian12
    #expect(host.findings.allSatisfy { $0.verdict != .missing })
    try expectGolden("doctor-debian12", Finding.table(of: host.findings).lines().joined(separator: "\n"))
  }

  @Test func `a hybrid host takes limits from v1 and freezes by v2`() throws {
    try expectGolden("doctor-hybrid", Finding.table(of: Hosts.hybrid.findings).lines().joined(separator: "\n"))
  }

  @Test func `a host of which nothing is known lacks all, and each line says how to get it`() throws {
    let findings = HostSnapshot().findings
    for finding in findings where finding.verdict == .missing { #expect(finding.remedy?.isEmpty == false) }
    try expectGolden("doctor-nothing", Finding.table(of: findings).lines().joined(separator: "\n"))
  }

  @Test(
    arguments: [
      ("6.1.0-28-amd64", KernelVersion(major: 6, minor: 1)), ("6.12-rc3", KernelVersion(major: 6, minor: 12)),
      ("10.0", KernelVersion(major: 10, minor: 0)), ("six", nil), ("6", nil), ("", nil),
    ] as [(String, KernelVersion?)])
  func `kernel releases are read by number`(release: String, version: KernelVersion?) {
    #expect(KernelVersion(release) == version)
  }

  @Test(arguments: [("5.19.0", Finding.Verdict.missing), ("6.0.12", .missing), ("6.1.0", .ok), ("6.18.44", .ok), ("7.0", .ok)])
  func `kernels before 6.1 are too old`(release: String, verdict: Finding.Verdict) {
    var host = Hosts.debian12
    host.kernelRelease = release
    #expect(host.verdict(of: "kernel 6.1 or newer") == verdict)
  }

  @Test(arguments: [
    ("user.max_user_namespaces", 0), ("kernel.unprivileged_userns_clone", 0), ("kernel.apparmor_restrict_unprivileged_userns", 1),
  ])
  func `each knob that forbids user namespaces to ordinary users is found`(setting: String, value: Int) {
    var host = Hosts.debian12
    host.settings[setting] = value
    let finding = host.findings.first { $0.check == "user namespaces" }
    #expect(finding?.verdict == .missing && finding?.remedy?.contains(setting) == true)
  }

  @Test func `a filter that hides clone3 is found`() {
    var host = Hosts.debian12
    host.systemCalls.remove(.clone3)
    #expect(host.verdict(of: "system calls") == .missing)
  }

  @Test(arguments: [(nil, Finding.Verdict.substitute), (1, .substitute), (2, .ok), (7, .ok)] as [(Int?, Finding.Verdict)])
  func `Landlock is told by version, and from the second on of use`(version: Int?, verdict: Finding.Verdict) {
    var host = Hosts.debian12
    host.landlockVersion = version
    #expect(host.verdict(of: "Landlock") == verdict)
  }

  @Test func `nftables wants its program, and a kernel that answers`() {
    var host = Hosts.debian12
    host.packetFilter = .refused("sendto: EPROTONOSUPPORT")
    #expect(host.verdict(of: "nftables") == .substitute)
    host.packetFilter = .notPermitted
    #expect(host.verdict(of: "nftables") == .ok)
    host.packetFilterProgram = nil
    #expect(host.verdict(of: "nftables") == .substitute)
  }

  @Test func `this host's Landlock and nftables are found as the kernel has them`() async throws {
    try await withTemporaryDirectory { directory in
      let run = try await CommandRun.roost(["doctor", "--output", "json"], stateDirectory: directory)
      let findings = try JSONDecoder().decode([JSONValue].self, from: Data(run.output.utf8))
      let byCheck = Dictionary(uniqueKeysWithValues: findings.map { ($0["check"]?.text ?? "", $0) })
      #expect(byCheck["Landlock"]?["found"]?.text == Landlock.version.map { "version \($0)" } ?? "none")
      let hasProgram = FileManager.default.isExecutableFile(atPath: "/usr/sbin/nft")
      #expect(byCheck["nftables"]?["found"]?.text?.contains(hasProgram ? "/usr/sbin/nft" : "no /usr/sbin/nft") == true)
    }
  }

  @Test func `a file system that is a module counts`() {
    var host = Hosts.debian12
    host.filesystems = "nodev\ttmpfs\n"
    #expect(host.verdict(of: "overlay file system") == .missing)
    host.modules = "kernel/fs/overlayfs/overlay.ko.xz:\nkernel/fs/ext4/ext4.ko: kernel/lib/crc16.ko\n"
    #expect(host.verdict(of: "overlay file system") == .ok && host.verdict(of: "ext4 file system") == .ok)
  }

  @Test func `a control group's own files are believed before the kernel's version`() {
    var host = Hosts.debian12
    host.unifiedGroupFiles = ["cgroup.procs", "cgroup.freeze"]
    #expect(host.verdict(of: "cgroup.freeze") == .ok && host.verdict(of: "cgroup.kill") == .substitute)
    host.unifiedGroupFiles = nil
    #expect(host.verdict(of: "cgroup.kill") == .ok)
  }

  @Test func `the probes of this kernel find the calls that it certainly has`() {
    for probe in SystemCallProbe.allCases { #expect(probe.isAvailable, "\(probe.rawValue)") }
  }

  @Test func `the program examines the host it runs on`() async throws {
    try await withTemporaryDirectory { directory in
      try FileManager.default.createDirectory(atPath: "\(directory)/runtimes/python3.11/etc/roost", withIntermediateDirectories: true)
      try FileManager.default.createDirectory(atPath: "\(directory)/runtimes/half-built", withIntermediateDirectories: true)
      try Data("{}".utf8).write(to: URL(filePath: "\(directory)/runtimes/python3.11/etc/roost/image.json"))
      let run = try await CommandRun.roost(["doctor", "--output", "json"], stateDirectory: directory)
      let findings = try JSONDecoder().decode([JSONValue].self, from: Data(run.output.utf8))
      let byCheck = Dictionary(uniqueKeysWithValues: findings.map { ($0["check"]?.text ?? "", $0) })
      let release = String(decoding: try #require(FileManager.default.contents(atPath: "/proc/sys/kernel/osrelease")), as: UTF8.self)
      #expect(byCheck["kernel 6.1 or newer"]?["found"]?.text == release.split(separator: "\n").first.map(String.init))
      #expect(byCheck["runtime images"]?["found"]?.text == "python3.11")
      #expect(byCheck["disk space"]?["found"]?.text?.hasSuffix(" free for \(directory)") == true)
      let isMissing = findings.contains { $0["verdict"]?.text == "missing" }
      #expect(run.code == (isMissing ? 1 : 0) && run.talk.hasPrefix("roost: missing: ") == isMissing)
    }
  }
}

extension HostSnapshot {
  fileprivate func verdict(of check: String) -> Finding.Verdict? { findings.first { $0.check == check }?.verdict }
}

/// Hosts as they were recorded.
enum Hosts {
  static let debian12: HostSnapshot = {
    var host = HostSnapshot()
    host.kernelRelease = "6.1.0-28-amd64"
    host.mountInfo = """
      22 28 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
      29 22 0:25 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
      """
    host.unifiedControllers = "cpuset cpu io memory hugetlb pids rdma misc\n"
    host.unifiedGroupFiles = ["cgroup.procs", "cgroup.freeze", "cgroup.kill", "memory.peak", "memory.max"]
    host.namespaces = ["cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user", "uts"]
    host.settings = ["user.max_user_namespaces": 15_329, "kernel.unprivileged_userns_clone": 1]
    host.filesystems = "nodev\tsysfs\nnodev\ttmpfs\n\text3\n\text4\nnodev\toverlay\n"
    host.seccompActions = "kill_process kill_thread trap errno user_notif trace log allow\n"
    host.systemCalls = Set(SystemCallProbe.allCases)
    host.hasLoopControl = true
    host.makeFilesystem = "/usr/sbin/mke2fs"
    host.landlockVersion = 2
    host.packetFilterProgram = "/usr/sbin/nft"
    host.packetFilter = .usable
    host.stateDirectory = "/var/lib/roost"
    host.freeBytes = 40 << 30
    host.daemonUser = UserAccount(userID: 995, groupID: 994)
    host.runtimesDirectory = "/var/lib/roost/runtimes"
    host.runtimes = ["provided.al2023", "python3.11"]
    host.daemon = HostFacts(
      version: "0.1.0", started: Samples.noon, stateDirectory: "/var/lib/roost", endpoint: "http://127.0.0.1:3001",
      owner: Samples.function.owner, runtimes: ["provided.al2023", "python3.11"],
      capacity: HostCapacity(
        concurrencyLimit: 1_000, concurrencyInUse: 0, memoryBudget: .megabytes(4_096), memoryCommitted: .megabytes(0),
        diskBudget: .megabytes(8_192), diskCommitted: .megabytes(0)))
    return host
  }()

  static let hybrid: HostSnapshot = {
    var host = debian12
    host.kernelRelease = "6.18.44-fc"
    host.mountInfo = """
      31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
      32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
      33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct
      35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
      37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
      39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
      41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
      """
    host.unifiedControllers = ""
    host.unifiedGroupFiles = nil
    host.daemon = nil
    host.daemonUser = nil
    return host
  }()
}
