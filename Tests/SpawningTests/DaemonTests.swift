import Glibc
import LinuxSystem
import SpawnProtocol
import Testing

@testable import Spawning

extension HostRing {
  @Suite struct Daemon {
    @Test func `the supervisor runs under its own user, with one descriptor beside the standard ones`() throws {
      let session = try DaemonSession(try Installation())
      let supervisor = try session.nextSupervisor()
      let nobody = try #require(try UserAccount.named(DaemonSession.user))
      #expect(supervisor.value("uid") == "\(nobody.userID)" && supervisor.value("gid") == "\(nobody.groupID)")
      #expect(supervisor.value("fds") == "0,1,2,3,")
      #expect(text("/proc/\(supervisor.value("pid") ?? "")/status").contains("NoNewPrivs:\t1"))
      // Its session, the sixth field, is its own: no controlling terminal of root's.
      #expect(
        text("/proc/\(supervisor.value("pid") ?? "")/stat").split(separator: " ").dropFirst(5).first.map(String.init)
          == supervisor.value("pid"))
    }

    @Test func `SIGTERM ends it in order, with status 0 and nothing left`() throws {
      let installation = try Installation()
      let session = try DaemonSession(installation)
      let supervisor = try session.nextSupervisor()
      _ = try supervisor.create(1, installation.recipe()).start(["wait"])
      try session.signal(SIGTERM)
      #expect(try session.end() == .code(0))
      #expect(try installation.traces().settled(installation) == Traces())
      let trees = try ControlGroupLayout.detect().hierarchies.map { hierarchy in
        "\(hierarchy.mountPoint)/\(ControlGroupTree.name(forStateDirectory: installation.stateDirectory))"
      }
      #expect(trees.allSatisfy { unsafe access($0, F_OK) != 0 })
    }

    @Test func `a supervisor that dies is started again, without the sandboxes of the last`() throws {
      let installation = try Installation()
      let session = try DaemonSession(installation)
      let first = try session.nextSupervisor()
      let sandbox = try first.create(1, installation.recipe())
      try first.exit(1)
      #expect(try sandbox.ends())
      let second = try session.nextSupervisor()
      #expect(second.value("pid") != first.value("pid"))
      #expect(try installation.traces().processes == 0)
      // The same uid and volume are free again.
      #expect(try second.create(1, installation.recipe()).start(["wait"]) == .started(.runtime, processID: 2))
    }

    @Test func `a supervisor that talks nonsense is ended`() throws {
      let session = try DaemonSession(try Installation())
      let first = try session.nextSupervisor()
      _ = try PacketSocket.send([0xFF, 1, 2, 3], over: first.socket)
      #expect(try session.nextSupervisor().value("pid") != first.value("pid"))
    }

    @Test func `a configuration error is passed on as the exit status, before and after the start`() throws {
      let refused = try DaemonSession(try Installation(), supervisorOptions: ["--fail", "64"])
      #expect(try refused.end() == .code(64))
      let session = try DaemonSession(try Installation())
      // Its socket is closed with this value, before the process has read its order: the status counts all the same.
      try session.nextSupervisor().exit(78)
      #expect(try session.end() == .code(78))
    }

    @Test func `without its user, and on a directory in use, it does not start`() throws {
      let lonely = try DaemonSession(try Installation(), user: "nobody-of-that-name")
      #expect(try lonely.end() == .code(67))
      let session = try DaemonSession(try Installation())
      _ = try session.nextSupervisor()
      let second = try session.installation.startDaemon([], user: DaemonSession.user)
      #expect(try second.wait(for: .limit(20)) == .code(75))
    }

    @Test func `kill -9 of roostd leaves no process, and the next start reaps its control groups`() throws {
      let installation = try Installation()
      let session = try DaemonSession(installation)
      let supervisor = try session.nextSupervisor()
      let sandbox = try supervisor.create(1, installation.recipe())
      _ = try sandbox.start(["fork-and-leave", "wait"])
      try session.signal(SIGKILL)
      #expect(try session.end() == .signal(SIGKILL))
      // The test still holds the control socket: the parent's death alone has to do it.
      #expect(try sandbox.ends())
      #expect(throws: SpawnerSession.Ended.self, "the supervisor sees the end") {
        _ = try receivePacket(from: supervisor.socket, within: .limit(10))
      }
      let left = try installation.traces().settled(installation) { $0.processes == 0 && $0.loopDevices == 0 }
      #expect(left.processes == 0 && left.loopDevices == 0 && left.files == 0 && left.controlGroups > 0)
      try session.restart()
      let next = try session.nextSupervisor()
      #expect(try installation.traces().controlGroups == 0)
      _ = try next.create(1, installation.recipe())
    }

    @Test func `a supervisor that outlives its roostd is ended before anything is read for the next`() throws {
      let session = try DaemonSession(try Installation())
      let supervisor = try session.nextSupervisor()
      let descendant = try #require(try supervisor.ask("leave"))
      let record = "\(SupervisorRecord.directory)/\(try #require(supervisor.value("uid"))).\(session.installation.controlGroupName)"
      try session.signal(SIGKILL)
      #expect(try session.end() == .signal(SIGKILL))
      #expect(unsafe access("/proc/\(supervisor.processID)", F_OK) == 0 && access(record, F_OK) == 0)
      try session.restart(["--unless", supervisor.processID])
      #expect(try session.nextSupervisor().processID != supervisor.processID)
      try session.signal(SIGKILL)
      #expect(try session.end() == .signal(SIGKILL))
      try session.restart(["--unless", "\(descendant)"])
      _ = try session.nextSupervisor()
      try session.signal(SIGTERM)
      #expect(try session.end() == .code(0))
      #expect(unsafe access(record, F_OK) != 0)
    }

    @Test func `a start ends no supervisor of a roostd that lives`() throws {
      let living = try DaemonSession(try Installation())
      let supervisor = try living.nextSupervisor()
      _ = try DaemonSession(try Installation()).nextSupervisor()
      _ = try supervisor.create(1, living.installation.recipe())
    }

    @Test func `who reads the configuration gets so much time and so many bytes`() throws {
      let installation = try Installation()
      try installation.installDaemon()
      let user = try #require(try ServiceUser(named: DaemonSession.user))
      let programs = try Programs(in: installation.programs)
      for (how, told) in [("hang", "takes longer than 1.0 seconds"), ("flood", "writes more than 65536 bytes")] {
        let arguments = ["--misbehave", how, "--state-dir", installation.stateDirectory]
        let began = ContinuousClock.now
        let refusal = #expect(throws: RoostDaemon.Refusal.self) {
          _ = try programs.resolveConfiguration(arguments, as: user, PreparedHost(), patience: .seconds(1))
        }
        #expect(refusal?.status == 69 && refusal?.message.hasSuffix(told) == true, "\(refusal?.message ?? "")")
        #expect(ContinuousClock.now - began < .limit(10))
        let isRunning = { entries(of: "/proc").contains { text("/proc/\($0.name)/cmdline").contains(installation.programs) } }
        #expect(try eventually { !isRunning() })
      }
    }

    @Test func `a directory of somebody else's is not taken`() throws {
      for stranger in ["notes.txt", "artifacts.old"] {
        let installation = try Installation()
        let path = "\(installation.path)/home"
        for name in ["runtimes", stranger] { try makeDirectories("\(path)/\(name)") }
        let facts = { () -> [UInt32] in
          var facts = stat()
          _ = unsafe lstat(path, &facts)
          return [facts.st_uid, facts.st_gid, facts.st_mode]
        }
        let before = facts()
        try installation.installDaemon()
        let (told, end) = try output(
          of: "/usr/bin/timeout",
          ["20", "/bin/sh", "-c", "exec \"$@\" 2>&1", "sh"] + installation.daemonWords(stateDirectory: path, user: DaemonSession.user))
        #expect(end == .code(69))
        // After what it may have to tell of another roostd of this host that was killed.
        #expect(told.contains("roostd: \(path) is no state directory of a roostd, and has `\(stranger)` in it\nroostd: hint: "))
        #expect(facts() == before && entries(of: path).count == 2)
      }
    }

    @Test func `a start reaps trees of 2,000 levels, and what lies beside them`() throws {
      let installation = try Installation()
      let session = try DaemonSession(installation)
      _ = try session.nextSupervisor()
      try session.signal(SIGKILL)
      #expect(try session.end() == .signal(SIGKILL))
      let left = ["artifacts/.incoming-1", "artifacts/.incoming-2", "volumes/left", "volumes/also"]
      for path in left {
        let directory = try Descriptor.open("\(installation.stateDirectory)/\(path.prefix { $0 != "/" })", flags: O_RDONLY | O_DIRECTORY)
        var level = try directory.makeDirectory(String(path.drop { $0 != "/" }.dropFirst()), mode: 0o755)
        for _ in 0..<(path.hasSuffix("2") || path.hasSuffix("also") ? 1 : 2_000) { level = try level.makeDirectory("d", mode: 0o755) }
      }
      try session.restart()
      _ = try session.nextSupervisor()
      for path in left {
        #expect(access("\(installation.stateDirectory)/\(path)", F_OK) != 0, "\(path)")
      }
    }

    @Test func `kill -9 of roostd amid a sandbox's set-up leaves no process, and it starts again`() throws {
      let installation = try Installation()
      let session = try DaemonSession(installation)
      var supervisor = try session.nextSupervisor()
      for _ in 0..<5 {
        for number in 0..<20 as Range<UInt32> {
          let request = SpawnRequest.create(SandboxID(UInt64(number)), installation.recipe(number))
          _ = try PacketSocket.send(request.encoded(), over: supervisor.socket)
        }
        // When the first of them stands the next ones are on their way.
        _ = try supervisor.next()
        try session.signal(SIGKILL)
        #expect(try session.end() == .signal(SIGKILL))
        #expect(try installation.traces().settled(installation) { $0.processes == 0 }.processes == 0)
        try session.restart()
        supervisor = try session.nextSupervisor()
      }
      _ = try supervisor.create(1, installation.recipe())
    }

    @Test func `a roostd with nothing to do uses no CPU`() throws {
      let session = try DaemonSession(try Installation())
      _ = try session.nextSupervisor()
      let poller = try Poller()
      // Volumes are made ready first, then nothing.
      let isIdleForASecond = {
        let before = cpuTicks(of: session.process.processID)
        _ = try poller.wait(timeout: .seconds(1))
        return cpuTicks(of: session.process.processID) == before
      }
      #expect(try eventually(isIdleForASecond))
    }
  }
}

/// utime and stime of /proc/<pid>/stat, in ticks.
private func cpuTicks(of process: Int32) -> UInt64 {
  let fields = text("/proc/\(process)/stat").split(separator: ")").last?.split(separator: " ") ?? []
  return fields.dropFirst(11).prefix(2).compactMap { UInt64($0) }.reduce(0, +)
}
