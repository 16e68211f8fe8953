import Glibc
import LinuxSystem
import SpawnProtocol
import Synchronization
import Testing

@testable import Spawning

extension HostRing {
  @Suite struct Lives {
    @Test func `PID 1 is roost-init, under the leased uid, and cannot be read`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let sandbox = try session.create(1, installation.recipe(3))
      // It is made when roost-init is executed; what that does first of all is done when it has started a program.
      #expect(try sandbox.start(["wait"]) == .started(.runtime, processID: 2))
      let process = "/proc/\(sandbox.created.hostProcessID)"
      #expect(text("\(process)/comm") == "roost-init\n")
      let user = installation.userIDs.lowerBound + 3
      #expect(text("\(process)/status").contains("Uid:\t\(user)\t\(user)\t\(user)\t\(user)"))
      // Owned by root rather than by its uid: not dumpable.
      var facts = stat()
      #expect(unsafe stat("\(process)/mem", &facts) == 0 && facts.st_uid == 0)
      #expect(text("\(process)/uid_map").split(separator: " ") == ["993", "\(user)", "1\n"])
      try session.destroy(1)
    }

    @Test func `one sandbox more than the limit is refused in words, until another goes`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation) { $0.sandboxLimit = 2 }
      defer { session.end() }
      let first = try [session.create(1, installation.recipe(1)), session.create(2, installation.recipe(2))]
      try session.send(.create(SandboxID(3), installation.recipe(3)))
      #expect(try session.next().event == .failed(SandboxID(3), .tooMany))
      #expect("\(SpawnFailure.tooMany)".contains("sandbox-limit"))
      try session.destroy(1)
      let third = try session.create(3, installation.recipe(3))
      withExtendedLifetime((first, third)) {}
    }

    @Test func `sandboxes that do not end in time are not waited for, where that is wanted`() throws {
      let installation = try Installation()
      for (patience, left) in [(Duration.zero, 1), (.limit(20), 0)] {
        let session = try SpawnerSession(installation, patience: patience)
        let sandbox = try session.create(1, installation.recipe())
        session.end()
        #expect(session.leftAtEnd.withLock { $0 } == left)
        // Nobody else does, where it was left.
        if left > 0 { waitpid(Int32(sandbox.created.hostProcessID), nil, 0) }
      }
    }

    @Test func `the files handed over work for whoever holds them`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let sandbox = try session.create(1, installation.recipe())
      #expect(sandbox.created.microseconds > 0)
      _ = try sandbox.start(["wait"])
      let v2 = sandbox.created.freezer == .v2
      let freezer = try sandbox.duplicate(.freeze)
      try freezer.write(v2 ? "1" : "FROZEN")
      try freezer.write(v2 ? "0" : "THAWED")
      try sandbox.duplicate(.cpuQuota).write(sandbox.created.cpu == .v2 ? "10000 20000" : "10000")
      let (isMemoryV2, isCPUV2) = (sandbox.created.memory == .v2, sandbox.created.cpu == .v2)
      let memory = try session.statistic(isMemoryV2 ? "memory.current" : "memory.usage_in_bytes", of: sandbox, in: .memory)
      #expect(ControlGroupText.number(memory) ?? 0 > 0)
      let events = try session.statistic(isMemoryV2 ? "memory.events" : "memory.oom_control", of: sandbox, in: .memory)
      #expect(ControlGroupText.counter("oom_kill", in: events) == 0)
      #expect(try !session.statistic(isCPUV2 ? "cpu.stat" : "cpuacct.usage", of: sandbox, in: isCPUV2 ? .cpu : .cpuAccounting).isEmpty)
      if v2 { try sandbox.duplicate(.kill).write("1") } else { try session.send(.kill(SandboxID(1))) }
      #expect(try session.next().event == .exited(SandboxID(1)))
      try session.destroy(1)
    }

    @Test func `signals reach the program, and its end is told`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let sandbox = try session.create(1, installation.recipe())
      guard case .started = try sandbox.start(["wait"]) else { return #expect(Bool(false), "not started") }
      try sandbox.send(.signal(SIGTERM, .runtime))
      #expect(try sandbox.nextInitEvent() == .exited(.runtime, .signal(SIGTERM)))
      #expect(try !sandbox.ends(within: .milliseconds(50)), "the sandbox stays until it is destroyed")
      try session.destroy(1)
    }

    @Test func `an extension has its own descriptors and process group, and the runtime none of them`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let sandbox = try session.create(1, installation.recipe())
      let output = try Pipe(nonBlockingReadEnd: true)
      let channel = try Pipe()
      let first = ProgramNumber.extensions[0]
      try sandbox.send(
        .start(
          ProgramStart(
            program: first, workingDirectory: "/", arguments: ["/bin/probe", "identity", "wait"], environment: ["A=1"],
            descriptors: [1, 62])),
        passing: [output.writeEnd.rawValue, channel.writeEnd.rawValue])
      guard case .started(first, _) = try sandbox.nextInitEvent() else { return #expect(Bool(false), "not started") }
      let runtime = try sandbox.run(["identity", "exit"])
      #expect(runtime.all("fd") == ["0", "1", "2"] && runtime["pid"] == runtime["pgid"])
      try sandbox.send(.signal(SIGTERM, first))
      #expect(try sandbox.nextInitEvent() == .exited(first, .signal(SIGTERM)))
      var said: [UInt8] = []
      _ = try output.readEnd.read(into: &said, upTo: 65_536)
      let report = ProbeReport(String(decoding: said, as: UTF8.self), .code(0))
      #expect(report.all("fd") == ["0", "1", "2", "62"] && report.all("env") == ["A=1"])
      #expect(report["pid"] == report["pgid"] && report["pid"] != runtime["pid"])
      try session.destroy(1)
    }

    @Test func `what a program was passed ends with its last process`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let sandbox = try session.create(1, installation.recipe())
      let output: Descriptor
      do {
        let pipe = try Pipe(nonBlockingReadEnd: true)
        try sandbox.send(
          .start(
            ProgramStart(
              program: ProgramNumber.extensions[9], workingDirectory: "/", arguments: ["/bin/probe", "exit"], environment: [],
              descriptors: [1, 2])),
          passing: [pipe.writeEnd.rawValue, pipe.writeEnd.rawValue])
        output = pipe.readEnd
      }
      guard case .started = try sandbox.nextInitEvent() else { return #expect(Bool(false), "not started") }
      #expect(try sandbox.nextInitEvent() == .exited(ProgramNumber.extensions[9], .code(7)))
      var said: [UInt8] = []
      #expect(try output.read(into: &said, upTo: 64) == .endOfFile)
      try session.destroy(1)
    }

    @Test func `a program is started once, and none after the runtime`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let sandbox = try session.create(1, installation.recipe())
      func start(_ program: ProgramNumber) throws -> InitEvent {
        try sandbox.send(.start(ProgramStart(program: program, workingDirectory: "/", arguments: ["/bin/probe", "wait"], environment: [])))
        return try sandbox.nextInitEvent()
      }
      let (first, second) = (ProgramNumber.extensions[0], ProgramNumber.extensions[1])
      guard case .started(first, _) = try start(first) else { return #expect(Bool(false), "not started") }
      #expect(try start(first) == .failed(first, errno: EINVAL))
      guard case .started(.runtime, _) = try start(.runtime) else { return #expect(Bool(false), "not started") }
      #expect(try start(second) == .failed(second, errno: EINVAL))
      try session.destroy(1)
    }

    @Test func `a socket of the sandbox's network comes out, and connects there`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let sandbox = try session.create(1, installation.recipe())
      for _ in 0..<40 {
        try sandbox.send(.socket)
        var packet = try receivePacket(from: try sandbox.duplicate(.control), within: .limit(20))
        #expect(try InitEvent(decoding: packet.bytes) == .socket(errno: 0))
        guard let socket = packet.takeFirstDescriptor() else { return #expect(Bool(false), "no socket") }
        #expect(try StreamSocket.isUnconnected(socket))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(9_001).bigEndian
        address.sin_addr.s_addr = inet_addr("169.254.100.1")
        let answer = withUnsafePointer(to: &address) { pointer in
          pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(socket.rawValue, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
          }
        }
        // The Runtime API's listener is there, and nowhere on the host.
        #expect(answer == 0 || errno == EINPROGRESS)
      }
      #expect(try sandbox.run(["exit"]).status == .code(7))
      try session.destroy(1)
    }

    @Test func `a program that is not there is reported with its errno`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let sandbox = try session.create(1, installation.recipe())
      try sandbox.send(.start(ProgramStart(workingDirectory: "/", arguments: ["/nowhere"], environment: [])))
      #expect(try sandbox.nextInitEvent() == .failed(.runtime, errno: ENOENT))
      try session.destroy(1)
      let other = try session.create(2, installation.recipe())
      #expect(try other.start(["exit"], directory: "/nowhere") == .failed(.runtime, errno: ENOENT))
      try session.destroy(2)
    }

    @Test func `PID 1 and all processes end when the control socket closes`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let sandbox = try session.create(1, installation.recipe())
      _ = try sandbox.start(["fork-and-leave", "wait"])
      sandbox.close(.control)
      #expect(try session.next().event == .exited(SandboxID(1)))
      #expect(try installation.traces().processes == 0)
      try session.destroy(1)
    }

    @Test func `/tmp has the size asked for, is full at it, and does not count as memory`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let report = try session.probe("files", "fill", recipe: installation.recipe(memoryMegabytes: 128))
      #expect(report["fill"] == "ENOSPC")
      let filled = try #require(report["filled"].flatMap { UInt64($0) })
      #expect(filled >= 512 << 20 && filled < 560 << 20)
      #expect(report.status == .code(0))
    }

    @Test func `a kept volume brings its contents to the next sandbox, a released one does not`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let recipe = installation.recipe()
      #expect(try session.probe("keep", recipe: recipe, keepVolume: true)["keep"] == "ok")
      #expect(try session.probe("files", recipe: recipe, keepVolume: true)["kept"] == "kept")
      try session.send(.release(recipe.volume))
      #expect(try session.probe("files", recipe: recipe)["kept"] == "ENOENT")
    }

    @Test func `sandboxes are made beside each other`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      for number in 0..<6 { try session.send(.create(SandboxID(UInt64(number)), installation.recipe(UInt32(number)))) }
      var running: [RunningSandbox] = []
      for _ in 0..<6 {
        let received = try session.next()
        guard case .created(_, let created) = received.event else { return #expect(Bool(false), "\(received.event)") }
        running.append(RunningSandbox(created, received))
      }
      #expect(Set(running.map(\.created.hostProcessID)).count == 6)
      for number in 0..<6 { try session.destroy(UInt64(number)) }
    }
  }
}
