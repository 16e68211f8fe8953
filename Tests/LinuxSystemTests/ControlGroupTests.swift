import Glibc
import LinuxSystem
import Testing

@Suite(.serialized, .requires(.root, .controller(.memory), .controller(.cpu), .controller(.pids)))
struct ControlGroupTests {
  @Test(arguments: HostLayout.available) func `a frozen group uses no CPU, and goes on when thawed`(host: HostLayout) throws {
    try withControlGroupTree(host) { tree in
      let group = try ControlGroup.make(in: tree)
      let busy = try group.start("while :; do :; done")
      #expect(try eventually { try group.cpuTime() > .milliseconds(20) })
      try group.freeze()
      #expect(try eventually { try group.isFrozen() })
      // Told when the process is on its way to sleep: what it takes to get there is charged after that.
      #expect(try busy.wait(for: .milliseconds(50)) == nil)
      let before = try group.cpuTime()
      #expect(try busy.wait(for: .milliseconds(200)) == nil)
      #expect(try group.cpuTime() - before < .milliseconds(1))
      try group.thaw()
      #expect(try eventually { try group.cpuTime() - before > .milliseconds(20) })
      try group.killAll()
      #expect(try busy.wait(for: .limit(10)) == .signal(SIGKILL))
    }
  }

  @Test(arguments: HostLayout.available) func `killing ends frozen processes and all their children`(host: HostLayout) throws {
    try withControlGroupTree(host) { tree in
      let group = try ControlGroup.make(in: tree)
      #expect(try group.isEmpty())
      let parent = try group.start("sleep 60 & sleep 60 & wait")
      #expect(try eventually { try group.text(of: "cgroup.procs").split(separator: "\n").count == 3 })
      #expect(try !group.isEmpty())
      try group.freeze()
      #expect(try eventually { try group.isFrozen() })
      try group.killAll()
      #expect(try parent.wait(for: .limit(10)) == .signal(SIGKILL))
      try group.remove(within: .limit(10))
      #expect(group.paths.allSatisfy { unsafe access($0, F_OK) != 0 })
      try group.remove()
    }
  }

  @Test func `the handed-out files freeze, thaw and kill`() throws {
    try withControlGroupTree(.asMounted) { tree in
      let group = try ControlGroup.make(in: tree)
      let child = try group.start("sleep 60")
      let (frozen, thawed) = group.freezer == .v2 ? ("1", "0") : ("FROZEN", "THAWED")
      let freeze = try group.open(.freeze)!
      try freeze.write(frozen)
      #expect(try eventually { try group.isFrozen() })
      try freeze.write(thawed)
      #expect(try eventually { try !group.isFrozen() })
      if let kill = try group.open(.kill) { try kill.write("1") } else { try group.killAll() }
      #expect(try child.wait(for: .limit(10)) == .signal(SIGKILL))
    }
  }

  @Test(arguments: HostLayout.available) func `more memory than the limit ends a process, and is told`(host: HostLayout) throws {
    try withControlGroupTree(host) { tree in
      let group = try ControlGroup.make(in: tree, megabytes: 64)
      let notice = try group.open(.outOfMemory)
      #expect(try group.outOfMemoryKills() == 0)
      let child = try group.start("sleep 1000 & \(allocate(megabytes: 300))")
      if let notice {
        #expect(try becomesReady(notice.rawValue))
        #expect(try notice.takeEventCount() > 0)
      } else {
        #expect(group.version(of: .memory) == .v2)
        // At once, by `memory.oom.group`; of v1 whoever hears of it has to do this.
        #expect(try eventually { try group.isEmpty() })
      }
      #expect(try eventually { try group.outOfMemoryKills() > 0 })
      #expect(try child.wait(for: .limit(10)) != nil)
      #expect(try group.readNumber(.memoryPeak) <= 64 << 20)
      #expect(try group.readNumber(.memoryCurrent) <= 64 << 20)
    }
  }

  @Test func `the peak is what was used, and begins anew after a reset`() throws {
    try withControlGroupTree(.asMounted) { tree in
      let group = try ControlGroup.make(in: tree)
      let early = try group.open(.memoryPeak)!
      #expect(try group.start(allocate(megabytes: 50)).wait(for: .limit(20)) == .code(0))
      let peak = try #require(ControlGroupText.number(try early.readText()))
      #expect((50 << 20)...(80 << 20) ~= peak)
      if try group.resetPeak() {
        #expect(try group.readNumber(.memoryPeak) < 10 << 20)
        #expect(try group.start(allocate(megabytes: 20)).wait(for: .limit(20)) == .code(0))
        // On v2 a new descriptor begins at the present; the peak since the reset is the early one's affair.
        if group.version(of: .memory) == .v1 { #expect((20 << 20)...(45 << 20) ~= (try group.readNumber(.memoryPeak))) }
      } else {
        #expect(group.version(of: .memory) == .v2)
      }
    }
  }

  @Test func `a quota of a tenth of a CPU is kept, and none is set before`() throws {
    try withControlGroupTree(.asMounted) { tree in
      let group = try ControlGroup.make(in: tree)
      let busy = try group.start("while :; do :; done")
      #expect(try eventually { try group.cpuTime() > .milliseconds(100) })
      #expect(ControlGroupText.counter("nr_throttled", in: try group.text(of: "cpu.stat")) == 0)
      try group.open(.cpuQuota)!.write(group.version(of: .cpu) == .v2 ? "2000 20000" : "2000")
      let start = ContinuousClock.now
      let before = try group.cpuTime()
      #expect(try busy.wait(for: .seconds(1)) == nil)
      let share = (try group.cpuTime() - before) / (ContinuousClock.now - start)
      // So little that other programs on the same CPUs leave it, or nearly.
      #expect((0.03...0.15) ~= share)
      #expect(try #require(ControlGroupText.counter("nr_throttled", in: try group.text(of: "cpu.stat"))) > 5)
      try group.killAll()
      #expect(try busy.wait(for: .limit(10)) == .signal(SIGKILL))
    }
  }

  @Test func `no more processes than the limit can be made`() throws {
    try withControlGroupTree(.asMounted) { tree in
      let group = try ControlGroup.make(in: tree, processLimit: 5)
      let child = try group.start("for i in 1 2 3 4 5 6 7 8; do sleep 60 & done")
      #expect(try child.wait(for: .limit(10)) == .code(2))  // dash: "Cannot fork".
      #expect(try group.text(of: "pids.max") == "5\n")
      #expect(try #require(ControlGroupText.counter("max", in: try group.text(of: "pids.events"))) > 0)
      #expect(try group.text(of: "pids.current") == "4\n")
    }
  }

  @Test(arguments: HostLayout.available) func `nothing of a group is swapped out`(host: HostLayout) throws {
    try withControlGroupTree(host) { tree in
      let group = try ControlGroup.make(in: tree, megabytes: 128)
      if group.version(of: .memory) == .v1 {
        #expect(try group.text(of: "memory.swappiness") == "0\n")
        let both = "memory.memsw.limit_in_bytes"
        if group.has(both) { #expect(try group.text(of: both) == "\(128 << 20)\n") }
      } else {
        // A kernel that cannot swap at all has neither.
        #expect(group.has("memory.swap.max") == (unsafe access("/proc/swaps", F_OK) == 0))
        if group.has("memory.swap.max") { #expect(try group.text(of: "memory.swap.max") == "0\n") }
      }
    }
  }

  @Test func `limits can be changed either way`() throws {
    try withControlGroupTree(.asMounted) { tree in
      let group = try ControlGroup.make(in: tree, megabytes: 128)
      for megabytes: UInt64 in [512, 256, 10_240, 128] {
        try group.setLimits(memoryBytes: megabytes << 20, processLimit: 9)
        let file = group.version(of: .memory) == .v2 ? "memory.max" : "memory.limit_in_bytes"
        #expect(try group.text(of: file) == "\(megabytes << 20)\n")
      }
      #expect(try group.text(of: "pids.max") == "9\n")
    }
  }
}

/// A script that has so much memory at once, and then gives it back. Not by tail(1), which has up to twice as much when its pipe is slow.
func allocate(megabytes: Int) -> String {
  "dd if=/dev/zero of=/dev/null bs=\(megabytes)M count=1"
}

extension ControlGroup {
  fileprivate func isFrozen() throws -> Bool {
    switch freezer {
    case .v2: ControlGroupText.counter("frozen", in: try text(of: "cgroup.events")) == 1
    case .v1: try text(of: "freezer.state") == "FROZEN\n"
    case nil: false
    }
  }
}
