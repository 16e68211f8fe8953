import FunctionModel
import LinuxSystem
import Testing

@testable import roost

/// The judgement of `roost audit` over an environment as it was recorded: every promise holds, and each is broken by what breaks it.
@Suite struct AuditTests {
  @Test func `the recorded environment keeps every promise`() {
    #expect(Recorded.environment.promises.filter { $0.verdict != .holds } == [])
  }

  /// What is changed in the recorded environment, and the one promise that is then broken, by the beginning of its claim.
  static let breaches: [(String, String, @Sendable (inout EnvironmentSnapshot) -> Void)] = [
    ("root is mapped", "one user and one group", { $0.first.userMap = "0 200017 1\n" }),
    ("a range is mapped", "one user and one group", { $0.first.groupMap = "990 200017 2\n" }),
    ("groups may be set", "one user and one group", { $0.first.setGroups = "allow\n" }),
    ("an id outside of the range", "one user and one group", { $0.security?.lastUserID = 200_016 }),
    ("a process is root", "every process has", { $0.others[0].status.replace("Uid:\t200017\t", with: "Uid:\t0\t") }),
    ("a process has groups", "every process has", { $0.others[0].status.replace("Groups:\t", with: "Groups:\t0 ") }),
    ("somebody else has its id", "no process elsewhere", { $0.strangers = [99] }),
    ("a bounding set", "no process has a capability", { $0.first.status.replace("CapBnd:\t0000", with: "CapBnd:\t0001") }),
    ("privileges by execve", "no execve gives", { $0.others[0].status.replace("NoNewPrivs:\t1", with: "NoNewPrivs:\t0") }),
    ("no filter", "every process is under", { $0.others[0].status.replace("Seccomp:\t2", with: "Seccomp:\t0") }),
    ("process 1 can be read", "process 1 is out", { $0.first.isDumpable = true }),
    ("mount passes", "the filter lets no call", { $0.filter = .allowing }),
    ("the host's network", "its namespaces", { $0.first.namespaces["net"] = $0.hostNamespaces["net"] }),
    ("another's processes", "its namespaces", { $0.others[0].namespaces["ipc"] = "ipc:[1]" }),
    ("the root can be written", "only /tmp", { $0.first.mountInfo.replace(" / / ro,", with: " / / rw,") }),
    ("devices in /tmp", "only /tmp", { $0.first.mountInfo.replace("rw,nosuid,nodev", with: "rw,nosuid") }),
    ("sysfs", "no file system", { $0.first.mountInfo += "99 1 0:9 / /sys ro,nosuid,nodev,noexec - sysfs sysfs ro\n" }),
    ("a path of the host", "no file system", { $0.first.mountInfo.replace("overlay root ro", with: "overlay /var/lib/roost/x ro") }),
    ("/tmp upon a directory", "/tmp is a file system", { $0.first.mountInfo.replace("ext4 /dev/loop3", with: "overlay tmp") }),
    ("interrupts", "/proc tells", { $0.processFiles[0].access = .readable }),
    ("others' processes", "/proc tells", { $0.first.mountInfo.replace("hidepid=invisible", with: "hidepid=off") }),
    ("a disk", "/dev has", { $0.devices["sda"] = "NSFileTypeBlockSpecial" }),
    ("a directory of the host", "no process holds", { $0.others[0].descriptors.append(.init(number: 9, target: "/etc", mount: 28)) }),
    ("a file in process 1", "process 1 holds", { $0.first.descriptors.append(.init(number: 9, target: "/tmp/x", mount: 11)) }),
    (
      "many descriptors", "what a process takes",
      { $0.first.limitsText.replace("1024                 1024                 files", with: "1024 4096 files") }
    ),
    ("no limit of memory", "memory is limited", { $0.groupFiles[0].value = "max" }),
    ("swap", "memory is limited", { $0.groupFiles[1].value = "max" }),
    ("no limit of processes", "processes and threads", { $0.groupFiles[2].value = "max" }),
    ("a device in spite of the policy", "the ways out", { $0.network.interfaces = ["eth0", "lo"] }),
    (
      "a way past the policy's device", "the ways out",
      {
        $0.status.egress = .nat; $0.network.routes = ["eth1 00000000/00000000"]
      }
    ),
    ("no limit of CPU time", "CPU time", { $0.groupFiles[3].value = "max 20000" }),
  ]

  @Test(arguments: breaches.indices)
  func `each breach breaks its promise and no other`(index: Int) {
    let (breach, claim, change) = Self.breaches[index]
    var environment = Recorded.environment
    change(&environment)
    let broken = environment.promises.filter { $0.verdict != .holds }
    #expect(broken.count == 1 && broken.first?.claim.hasPrefix(claim) == true && broken.first?.verdict == .broken, "\(breach): \(broken)")
  }

  @Test func `a kernel that does not show the filter leaves that promise open`() {
    var environment = Recorded.environment
    environment.filter = nil
    environment.filterProblem = "ptrace PTRACE_SECCOMP_GET_FILTER process 711: EIO"
    #expect(environment.promises.filter { $0.verdict != .holds }.map(\.verdict) == [.unknown])
    let report = AuditReport(host: HostAudit(Recorded.host), environments: [EnvironmentAudit(environment)])
    #expect(report.broken.isEmpty)
  }

  @Test func `the report as it is printed`() throws {
    var audit = EnvironmentAudit(Recorded.environment)
    // The whole list differs between architectures, and is long.
    audit.filter?.refused = ["EPERM": ["mount", "unshare"]]
    let report = AuditReport(host: HostAudit(Recorded.host), environments: [audit])
    try expectGolden("audit", report.lines().joined(separator: "\n"))
    try expectGolden("json-audit", try Report.json(report))
  }

  /// As above, for the host.
  static let hostBreaches: [(String, String, @Sendable (inout HostSecuritySnapshot) -> Void)] = [
    ("root", "the daemon that parses", { $0.supervisor.status.replace("Uid:\t999\t", with: "Uid:\t0\t") }),
    ("a capability", "the daemon that parses", { $0.supervisor.status.replace("CapEff:\t0000", with: "CapEff:\t0001") }),
    (
      "no signatures elsewhere", "who calls",
      {
        $0.daemon.endpoint = "http://10.0.0.5:3001"; $0.daemon.security?.authentication = "none"
      }
    ),
    ("a bounding set", "the daemon that parses", { $0.supervisor.status.replace("CapBnd:\t0000", with: "CapBnd:\t0001") }),
    ("no filter", "the daemon that parses", { $0.supervisor.status.replace("Seccomp:\t2", with: "Seccomp:\t0") }),
    ("no domain", "that daemon opens", { $0.daemon.security?.listsHostRoot = true }),
    ("root with everything", "the daemon that is root", { $0.root.status.replace("CapEff:\t00000000", with: "CapEff:\t000001ff") }),
    (
      "root may override modes", "the daemon that is root",
      { $0.root.status.replace("CapEff:\t00000000092011e0", with: "CapEff:\t00000000092011e2") }
    ),
    ("root may gain", "the daemon that is root", { $0.root.status.replace("NoNewPrivs:\t1", with: "NoNewPrivs:\t0") }),
    ("readable code", "keys, logs", { $0.privateModes["artifacts"] = 0o755 }),
    ("readable keys", "keys, logs", { $0.privateModes["credentials"] = 0o644 }),
    ("a socket for all", "administrators", { $0.socketMode = 0o666 }),
    ("a user with such an id", "no user of the host", { $0.users += "eve:x:200017:100::/:/bin/sh\n" }),
  ]

  @Test(arguments: hostBreaches.indices)
  func `each breach of the host breaks its promise and no other`(index: Int) {
    let (breach, claim, change) = Self.hostBreaches[index]
    var host = Recorded.host
    #expect(host.promises.allSatisfy { $0.verdict == .holds })
    change(&host)
    let broken = host.promises.filter { $0.verdict == .broken }
    #expect(broken.count == 1 && broken.first?.claim.hasPrefix(claim) == true, "\(breach): \(broken)")
  }

  @Test func `unsigned calls on a loopback address alone are no breach`() {
    var host = Recorded.host
    host.daemon.security?.authentication = "none"
    #expect(host.promises.allSatisfy { $0.verdict == .holds })
  }
}

extension String {
  fileprivate mutating func replace(_ some: String, with other: String) { self = replacing(some, with: other) }
}
