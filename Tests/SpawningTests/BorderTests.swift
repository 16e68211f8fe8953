import Glibc
import LinuxSystem
import SpawnProtocol
import Testing

@testable import Spawning

extension HostRing {
  /// What a roostd and a supervisor that were taken over could not do.
  @Suite struct Border {
    @Test func `every thread of roostd has the capabilities of its list, and no others`() throws {
      let session = try DaemonSession(try Installation())
      _ = try session.nextSupervisor()
      let bounding = try #require(hexadecimal(field("CapBnd", "/proc/self/status")))
      let kept = Privileges.mask(of: [.always, .atStartAndEnd]) & bounding
      let effective = Privileges.mask(of: [.always]) & bounding
      let tasks = entries(of: "/proc/\(session.process.processID)/task").map { "/proc/\(session.process.processID)/task/\($0.name)/status" }
      // One that closes something ends when it has done so.
      let living = tasks.map(text).filter { !$0.isEmpty }
      #expect(living.count >= 2)
      for status in living {
        for set in ["CapBnd", "CapPrm"] { #expect(hexadecimal(field(set, of: status)) == kept, "\(set)") }
        #expect(hexadecimal(field("CapEff", of: status)) == effective)
        for set in ["CapInh", "CapAmb"] { #expect(hexadecimal(field(set, of: status)) == 0, "\(set)") }
        #expect(field("NoNewPrivs", of: status) == "1" && field("Seccomp", of: status) == "2")
      }
    }

    #if arch(x86_64)
      @Test func `calls that are not on its list are refused in roostd itself`() throws {
        let installation = try Installation()
        let session = try DaemonSession(installation)
        let supervisor = try session.nextSupervisor()
        // Its volumes first: the thread that is to call must be waiting for events.
        let first = try supervisor.create(1, installation.recipe())
        try compile("inject", static: true, to: "\(installation.programs)/inject")
        func call(_ number: Int) throws -> ChildProcess.End? {
          try ChildProcess(program: "\(installation.programs)/inject", arguments: ["\(session.process.processID)", "\(number)"])
            .wait(for: .seconds(20))
        }
        #expect(try call(39) == .code(0), "getpid")
        // Without a policy: EFAULT, EINVAL, or success.
        for (number, name) in [(321, "bpf"), (298, "perf_event_open"), (323, "userfaultfd"), (248, "add_key"), (101, "ptrace")] {
          #expect(try call(number) == .code(EPERM), "\(name)")
        }
        for (number, name) in [(425, "io_uring_setup"), (207, "io_setup")] { #expect(try call(number) == .code(ENOSYS), "\(name)") }
        // It works on.
        _ = try supervisor.create(2, installation.recipe(1)).start(["wait"])
        withExtendedLifetime(first) {}
      }
    #endif

    @Test func `the supervisor has no capability, and the sandboxes' system call policy`() throws {
      let session = try DaemonSession(try Installation())
      let supervisor = try session.nextSupervisor()
      let status = "/proc/\(supervisor.processID)/status"
      for set in ["CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb"] { #expect(hexadecimal(field(set, status)) == 0, "\(set)") }
      #expect(field("Seccomp", status) == "2" && field("Seccomp_filters", status) == "2")
      #expect(try supervisor.ask("unshare") == EPERM)
      #expect(text("/proc/\(supervisor.processID)/limits").contains("Max core file size        0                    0 "))
    }

    @Test func `the supervisor can pass no descriptor to roostd`() throws {
      let installation = try Installation()
      let session = try DaemonSession(installation)
      let first = try session.nextSupervisor()
      let pair = try PacketSocket.pair()
      let lingering = try LingeringSocket()
      if try PacketSocket.refuseDescriptors(at: pair.first) {
        #expect(throws: SystemError(call: "sendmsg", object: "socket \(first.socket.rawValue)", errno: EPERM)) {
          _ = try PacketSocket.send(SpawnRequest.kill(SandboxID(1)).encoded(), descriptors: [lingering.passed()], over: first.socket)
        }
        _ = try first.create(1, installation.recipe())
      } else {
        _ = try PacketSocket.send(SpawnRequest.kill(SandboxID(1)).encoded(), descriptors: [lingering.passed()], over: first.socket)
        lingering.leaveToOthers()
        _ = try session.nextSupervisor(within: .seconds(LingeringSocket.seconds / 2)).create(1, installation.recipe())
      }
    }

    @Test func `the supervisor can open nothing of the host's but what it needs`() throws {
      let installation = try Installation()
      let secret = "\(installation.path)/secret"
      _ = try Descriptor.open(secret, flags: O_WRONLY | O_CREAT, mode: 0o644).write("for everybody on this host\n")
      let session = try DaemonSession(installation)
      let supervisor = try session.nextSupervisor()
      #expect(SupervisorDomain.landlockVersion != nil)
      for path in [secret, "/etc/hostname", "/etc/fstab", "/usr/bin/env", "/proc/1/environ"] {
        #expect(try supervisor.ask("read", path) == EACCES)
      }
      for path in ["/etc", "/var", "/usr/bin", "/tmp", "/home"] { #expect(try supervisor.ask("list", path) == EACCES) }
      for path in ["/tmp/roost-test-made", "/dev/shm/roost-test-made"] { #expect(try supervisor.ask("make", path) == EACCES) }
      #expect(try supervisor.ask("run", "/bin/true") == EACCES)
      for path in ["/etc/passwd", "/etc/group", "/dev/null", "/dev/urandom", "/proc/meminfo", "/proc/self/maps"] {
        #expect(try supervisor.ask("read", path) == 0, "\(path)")
      }
      #expect(try supervisor.ask("list", installation.runtimesDirectory) == 0)
    }

    @Test func `the supervisor signals nobody outside, whatever the uid`() throws {
      guard let version = SupervisorDomain.landlockVersion, version >= 6 else { return }
      let session = try DaemonSession(try Installation())
      let supervisor = try session.nextSupervisor()
      let user = try #require(try UserAccount.named(DaemonSession.user))
      let other = try ChildProcess(
        program: "/usr/bin/setpriv", arguments: ["--reuid=\(user.userID)", "--regid=\(user.groupID)", "--clear-groups", "sleep", "60"])
      let hasItsUser = { field("Uid", "/proc/\(other.processID)/status").hasPrefix("\(user.userID)") }
      #expect(try eventually(hasItsUser))
      #expect(try supervisor.ask("signal", "\(other.processID)") == EPERM)
      try other.send(signal: SIGKILL)
      _ = try other.wait()
    }

    @Test func `the supervisor writes into its directories, and exchanges none of roostd's`() throws {
      let installation = try Installation()
      let session = try DaemonSession(installation)
      let supervisor = try session.nextSupervisor()
      let state = installation.stateDirectory
      for path in ["\(state)/roost.sqlite", "\(state)/artifacts/new", "\(state)/run/admin.sock"] {
        #expect(try supervisor.ask("make", path) == 0, "\(path)")
        #expect(try supervisor.ask("rename", path, "\(path)-2") == 0, "\(path)")
        #expect(try supervisor.ask("remove", "\(path)-2") == 0, "\(path)")
      }
      for name in ["artifacts", "run", "run/root", "run/lock", "volumes"] {
        #expect(try supervisor.ask("rename", "\(state)/\(name)", "\(state)/other") == EPERM, "\(name)")
      }
      #expect(try supervisor.ask("remove", "\(state)/run/lock") == EPERM)
      #expect(try supervisor.ask("make", "\(state)/volumes/new") == EACCES)
      #expect(try supervisor.ask("read", "\(state)/run/lock") == EACCES)
    }

    @Test func `a state directory that belonged to the supervisor is taken over`() throws {
      let installation = try Installation()
      let user = try #require(try UserAccount.named(DaemonSession.user))
      let state = try Descriptor.open(installation.stateDirectory, flags: O_RDONLY | O_DIRECTORY)
      let run = try state.makeDirectory("run", mode: 0o755, owner: user, orOpen: true)
      try run.makeDirectory("root", mode: 0o777, owner: user, orOpen: true)
      try run.makeDirectory("lock", mode: 0o777, owner: user)
      try state.makeDirectory("artifacts", mode: 0o755, owner: user, orOpen: true)
      #expect(unsafe chown(installation.stateDirectory, user.userID, user.groupID) == 0)
      let session = try DaemonSession(installation)
      _ = try session.nextSupervisor()
      let expected = [
        ("", UInt32(0), user.groupID, UInt32(0o1775)), ("/artifacts", 0, user.groupID, 0o770), ("/run", 0, user.groupID, 0o1775),
        ("/run/root", 0, 0, 0o700), ("/run/lock", 0, 0, 0o600), ("/volumes", 0, 0, 0o700),
      ]
      for (name, owner, group, mode) in expected {
        var facts = stat()
        #expect(unsafe lstat(installation.stateDirectory + name, &facts) == 0)
        #expect(facts.st_uid == owner && facts.st_gid == group && facts.st_mode & 0o7777 == mode, "\(name)")
      }
    }

    @Test func `what the supervisor has started ends with it`() throws {
      let installation = try Installation()
      let session = try DaemonSession(installation)
      let supervisor = try session.nextSupervisor()
      let descendant = try #require(try supervisor.ask("leave"))
      #expect(text("/proc/\(descendant)/cgroup").contains("/supervisor-"))
      try supervisor.exit(1)
      #expect(try session.nextSupervisor().processID != supervisor.processID)
      #expect(try eventually { unsafe access("/proc/\(descendant)", F_OK) != 0 })
      let groups = try ControlGroupLayout.detect().hierarchies.map { hierarchy in
        "\(hierarchy.mountPoint)/\(ControlGroupTree.name(forStateDirectory: installation.stateDirectory))"
      }
      #expect(try eventually { groups.allSatisfy { entries(of: $0).filter { $0.name.hasPrefix("supervisor-") }.count == 1 } })
    }

    @Test func `a sandbox is the first to go when the host lacks memory, and does not take roostd with it`() throws {
      let installation = try Installation()
      let session = try DaemonSession(installation)
      let supervisor = try session.nextSupervisor()
      let own = text("/proc/\(session.process.processID)/oom_score_adj")
      let sandbox = try supervisor.create(1, installation.recipe())
      #expect(text("/proc/\(sandbox.created.hostProcessID)/oom_score_adj") == "500\n")
      #expect(text("/proc/\(session.process.processID)/oom_score_adj") == own && Int(own.dropLast()) ?? 0 <= 0)
    }
  }
}

@Suite struct NoteTests {
  @Test func `a line that finds no room is dropped, and the next one tells of it`() throws {
    let pipe = try Pipe(nonBlockingReadEnd: true)
    var channel = NoteChannel(standardError: pipe.writeEnd.rawValue)
    for _ in 0..<64 { channel.write(String(repeating: "x", count: 3_999) + "\n") }
    var bytes: [UInt8] = []
    while case .bytes = try pipe.readEnd.read(into: &bytes, upTo: 65_536) {}
    channel.write("y\n")
    _ = try pipe.readEnd.read(into: &bytes, upTo: 65_536)
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    let written = lines.filter { $0.hasPrefix("x") }.count
    let told = lines.filter { $0.hasSuffix("found no room") }.compactMap { $0.split(separator: " ").dropFirst().first.flatMap { Int($0) } }
    // A short line may find room where a long one did not, so that it is told in parts.
    #expect(written < 64 && written + told.reduce(0, +) == 64)
    #expect(lines.last == "y")
  }
}

/// The value of a line `Name:\tvalue` of a status file.
private func field(_ name: String, _ path: String) -> String { field(name, of: text(path)) }

private func field(_ name: String, of status: String) -> String {
  let line = status.split(separator: "\n").first { $0.hasPrefix("\(name):") } ?? ""
  return String(line.dropFirst(name.utf8.count + 1).drop { $0 == "\t" })
}

private func hexadecimal(_ text: String) -> UInt64? { UInt64(text, radix: 16) }

/// Whether `condition` comes true within 20 seconds.
func eventually(_ condition: () throws -> Bool) throws -> Bool {
  let poller = try Poller()
  let deadline = ContinuousClock.now + .seconds(20)
  while try !condition() {
    guard ContinuousClock.now < deadline else { return false }
    _ = try poller.wait(timeout: .milliseconds(10))
  }
  return true
}
