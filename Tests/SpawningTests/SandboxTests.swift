import Glibc
import LinuxSystem
import SpawnProtocol
import Testing

@testable import Spawning

/// Tests that make sandboxes run one after the other: they count what is left on the host.
@Suite(
  .serialized, .enabled(if: geteuid() == 0, "needs root: makes namespaces, mounts and control groups"), .timeLimit(.minutes(5 * timeScale)))
enum HostRing {}

extension HostRing {
  @Suite struct Confinement {
    @Test func `a function runs as uid 993 without any capability, under no_new_privs and a filter`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let report = try session.probe("identity", recipe: installation.recipe())
      #expect(report["uid"] == "993" && report["euid"] == "993" && report["gid"] == "990")
      #expect(report["groups"] == "0")
      for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] { #expect(report.status(set) == "0000000000000000") }
      #expect(report.status("NoNewPrivs") == "1")
      #expect(report.status("Seccomp") == "2")
      #expect(report.status("SigBlk") == "0000000000000000" && report.status("SigIgn") == "0000000000000000")
    }

    @Test func `a program starts with its own directory, environment and process group, and three descriptors`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let report = try session.probe("identity", "exit", recipe: installation.recipe())
      #expect(report["cwd"] == "/var/task")
      #expect(report.all("env") == ["A=1", "B=two words"])
      #expect(report.all("fd") == ["0", "1", "2"])
      #expect(report["ppid"] == "1" && report["pid"] == report["pgid"])
      #expect(report["hostname"] == "sandbox")
      #expect(report.status == .code(7))
      #expect(report.all("limits").contains { $0.hasPrefix("Max open files") && $0.contains("1024") })
      #expect(report.all("limits").contains { $0.hasPrefix("Max core file size") && $0.split(separator: " ").dropFirst(4).first == "1" })
    }

    @Test func `no host process, path, interface or route is in view`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let report = try session.probe("view", "identity", recipe: installation.recipe())
      // PID 1 is not dumpable, so that hidepid covers it, too.
      #expect(report.all("proc").filter { Int($0) != nil } == [try #require(report["pid"])])
      let mounts = report.all("mountinfo")
      #expect(!mounts.isEmpty && !mounts.contains { $0.contains("/var/tmp") || $0.contains("roost") })
      #expect(mounts.filter { $0.contains("/dev/loop") }.allSatisfy { $0.contains(" /tmp ") })
      #expect(report.all("interface") == ["lo"])
      #expect(report["route"] == "ENETUNREACH")
      #expect(report.all("cgroup").allSatisfy { $0.hasSuffix(":/") })
      #expect(Set(report.all("dev")) == ["null", "zero", "full", "random", "urandom", "fd", "stdin", "stdout", "stderr"])
      #expect(report["sys"] == "ENOENT" && !report.all("root").contains("sys"))
      for covered in ["cmdline", "partitions", "bus"] { #expect(report.all(covered).isEmpty) }
      // Its own session keyring and no other: the kernel shows keys by user namespace.
      #expect(report.all("keys").count == 1 && report.all("keys").allSatisfy { $0.contains(" 993 ") })
      #expect(report.all("kcore").isEmpty || report["kcore"] == "EACCES" || report["kcore"] == "ENOENT")
    }

    @Test func `only /tmp can be written`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let report = try session.probe("files", recipe: installation.recipe())
      for path in ["/x", "/var/task/x", "/opt/x", "/dev/x"] { #expect(report["create \(path)"] == "EROFS") }
      #expect(report["create /tmp/x"] == "ok")
      #expect(report["write /dev/null"] == "ok")
      #expect(report["write /dev/stdout"] == "ok" && report["write /dev/stderr"] == "ok")
      #expect(report["read /dev/stdout"] == "EACCES", "what it wrote is the supervisor's")
      #expect(report["write /proc/sys"] != "ok")
      // The second wall answers before the first.
      #expect(report["mknod"] == ((Landlock.version ?? 0) >= 2 ? "EACCES" : "EPERM"))
      #expect(report["tmp mode"] == "41777")
    }

    @Test func `layers lie over each other in order, and the code is at its place`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let (lower, upper) = (Installation.lowerLayer, Installation.upperLayer)
      let report = try session.probe("files", recipe: installation.recipe(layers: [lower, upper]))
      #expect(report["task"] == "code")
      #expect(report["opt shared"] == "upper")
      #expect(Set(report.all("opt")) == ["shared", "only-lower", "only-upper"])
      #expect(try session.probe("files", recipe: installation.recipe(layers: [upper, lower]))["opt shared"] == "lower")
      #expect(try session.probe("files", recipe: installation.recipe(layers: [lower, upper, lower]))["opt shared"] == "lower")
      #expect(try session.probe("files", recipe: installation.recipe(layers: []))["opt shared"] == "ENOENT")
    }

    @Test func `refused system calls answer as the policy says`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let report = try session.probe("refused", recipe: installation.recipe())
      for (name, answer) in expectedAnswers { #expect(report[name] == answer, "\(name)") }
    }

    @Test(.enabled(if: hasOrdinaryControlGroups, "needs control groups of v1"))
    func `a host without a v2 tree confines as well`() throws {
      let mounts = text("/proc/self/mountinfo").split(separator: "\n").filter { !$0.contains(" - cgroup2 ") }
      let layout = ControlGroupLayout(mountInfo: mounts.joined(separator: "\n"), unifiedControllers: "")
      let installation = try Installation()
      let session = try SpawnerSession(installation, layout: layout)
      defer { session.end() }
      let sandbox = try session.create(1, installation.recipe())
      #expect(sandbox.created.freezer == .v1 && !sandbox.created.roles.contains(.kill))
      _ = try sandbox.start(["wait"])
      try sandbox.duplicate(.freeze).write("FROZEN")
      // Tasks that v1 has frozen do not die before they are thawed.
      try session.send(.kill(SandboxID(1)))
      #expect(try session.next().event == .exited(SandboxID(1)))
      try session.destroy(1)
    }

    @Test func `the Runtime API's listener is reached from inside, and the metadata address is not`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let sandbox = try session.create(1, installation.recipe())
      let report = try sandbox.run(["connect"])
      #expect(report["api"] == "ok")
      #expect(report["metadata"] == "ENETUNREACH")
      let connection = accept(try sandbox.number(.listener), nil, nil)
      #expect(connection >= 0)
      close(connection)
      #expect(accept(try sandbox.number(.listener), nil, nil) == -1 && errno == EAGAIN)
      try session.destroy(1)
    }
  }
}

private var hasOrdinaryControlGroups: Bool { text("/proc/self/mountinfo").contains(" - cgroup ") }

private let expectedAnswers: [String: String] = [
  "family 17": "EAFNOSUPPORT", "family 38": "EAFNOSUPPORT", "family 40": "EAFNOSUPPORT", "family 15": "EAFNOSUPPORT",
  "family 44": "EAFNOSUPPORT", "family 31": "EAFNOSUPPORT", "family unix": "ok", "family inet": "ok", "family inet6": "ok",
  "raw": "EPERM", "netlink route": "ok", "netlink audit": "EPROTONOSUPPORT", "family smuggled": "EAFNOSUPPORT", "mount": "EPERM",
  "fsopen": "EPERM", "umount": "EPERM", "chroot": "EPERM", "unshare": "EPERM", "setns": "EPERM", "clone newuser": "EPERM",
  "clone3": "ENOSYS", "ptrace": "EPERM", "process_vm_readv": "EPERM", "keyctl": "EPERM", "bpf": "EPERM", "io_uring_setup": "ENOSYS",
  "io_setup": "ENOSYS", "userfaultfd": "EPERM", "perf_event_open": "EPERM", "open_by_handle_at": "EPERM", "memfd_secret": "EPERM",
  "future call": "ENOSYS", "TIOCSTI": "EPERM", "TIOCSTI smuggled": "EPERM", "FIONREAD": "ok", "settimeofday": "EPERM",
  // Sent, and without effect: PID 1 has no handler.
  "kill init": "ok",
  "prlimit init": "EPERM", "prlimit smuggled": "EPERM", "affinity of init": "EPERM", "scheduler of init": "EPERM",
  "priority of init": "EPERM", "io priority of init": "EPERM", "prlimit": "ok", "priority": "ok", "udp": "ok",
  "mptcp": "EPROTONOSUPPORT", "sctp": "EPROTONOSUPPORT", "protocol -1": "EPROTONOSUPPORT", "ulp": "ENOENT", "nodelay": "ok",
  "sync": "ok", "cachestat": "ENOSYS", "huge mmap": "ENOMEM", "huge shmget": "ENOMEM", "huge memfd": "ENOMEM",
  "udp encapsulation": "ENOPROTOOPT", "udp cork": "ok",
]
