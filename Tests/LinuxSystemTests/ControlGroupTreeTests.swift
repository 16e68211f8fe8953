import Glibc
import LinuxSystem
import Testing

@Suite(.serialized, .requires(.root, .controller(.memory), .controller(.cpu), .controller(.pids)))
struct ControlGroupTreeTests {
  @Test(arguments: HostLayout.available) func `what a killed host left is reaped, frozen or not`(host: HostLayout) throws {
    try withControlGroupTree(host) { tree in
      let running = try ControlGroup.make(in: tree, name: "running", memoryBytes: 64 << 20, processLimit: 8)
      let first = try running.start("sleep 60")
      let frozen = try ControlGroup.make(in: tree, name: "frozen", memoryBytes: 64 << 20, processLimit: 8)
      let second = try frozen.start("sleep 60 & sleep 60")
      try frozen.freeze()
      // Made, and its host killed, before it stood in every hierarchy.
      #expect(unsafe mkdir(running.paths[0] + "/../partial", 0o755) == 0)

      let next = try ControlGroupTree(layout: host.layout(), name: tree.name)
      #expect(try next.reapLeftovers() == 3)
      #expect(try first.wait(for: .limit(10)) == .signal(SIGKILL))
      #expect(try second.wait(for: .limit(10)) == .signal(SIGKILL))
      for path in running.paths + frozen.paths { #expect(unsafe access(path, F_OK) != 0) }
      #expect(try next.reapLeftovers() == 0)
    }
  }

  @Test(arguments: HostLayout.available)
  func `what a killed host left is told with its processes, and looking makes nothing`(host: HostLayout) throws {
    try withControlGroupTree(host) { tree in
      let group = try ControlGroup.make(in: tree, name: "running", memoryBytes: 64 << 20, processLimit: 8)
      let child = try group.start("sleep 60")
      let left = try #require(try ControlGroupTree(leftAs: tree.name, layout: host.layout()))
      let processes = try left.leftProcesses()
      #expect(Set(processes.keys) == ["running"] && processes["running"]?.contains(child.processID) == true)
      try group.killAll()
      _ = try child.wait(for: .seconds(10))
      #expect(try left.reapLeftovers() == 1)
      #expect(try left.leftProcesses() == [:])
      #expect(try ControlGroupTree(leftAs: "\(tree.name)-of-nobody", layout: host.layout()) == nil)
    }
  }

  @Test(arguments: HostLayout.available)
  func `all sandboxes together weigh as much as one task on each processor`(host: HostLayout) throws {
    try withControlGroupTree(host) { tree in
      let group = try ControlGroup.make(in: tree)
      let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
      let weights = try group.paths.compactMap { path -> String? in
        let files = ["/../cpu.shares", "/../cpu.weight"].filter { unsafe access(path + $0, F_OK) == 0 }
        return try files.first.map { try Descriptor.open(path + $0, flags: O_RDONLY).readText() }
      }
      #expect(weights == ["\(1_024 * processors)\n"] || weights == ["\(100 * processors)\n"])
    }
  }

  @Test(arguments: HostLayout.available)
  func `no sandbox has huge pages, which no limit of memory counts`(host: HostLayout) throws {
    try withControlGroupTree(host) { tree in
      let group = try ControlGroup.make(in: tree)
      var limits: [String: String] = [:]
      for path in group.paths {
        let directory = try Descriptor.open("\(path)/..", flags: O_RDONLY | O_DIRECTORY)
        for name in try directory.entries().map(\.name) where name.hasPrefix("hugetlb.") {
          guard name.hasSuffix(".max") || name.hasSuffix(".limit_in_bytes") else { continue }
          limits[name] = try Descriptor.open("\(path)/../\(name)", flags: O_RDONLY).readText()
        }
      }
      #expect(limits.values.allSatisfy { $0 == "0\n" }, "\(limits)")
      #expect(limits.isEmpty == (tree.layout.hierarchy(with: .hugetlb) == nil))
    }
  }

  @Test func `a group that exists already is not taken for a new one, nor removed`() throws {
    try withControlGroupTree(.asMounted) { tree in
      let group = try ControlGroup.make(in: tree)
      #expect(try refusal { _ = try ControlGroup.make(in: tree) } == EEXIST)
      #expect(group.paths.allSatisfy { unsafe access($0, F_OK) == 0 })
    }
  }

  @Test func `a limit that the kernel refuses leaves no group behind`() throws {
    try withControlGroupTree(.asMounted) { tree in
      let group = try ControlGroup.make(in: tree)
      let paths = group.paths
      try group.remove()
      let refused = try refusal { _ = try ControlGroup.make(in: tree, processLimit: .max) }
      #expect(refused == EINVAL)
      #expect(paths.allSatisfy { unsafe access($0, F_OK) != 0 })
    }
  }

  @Test func `a group with processes is not removed before its time is over`() throws {
    try withControlGroupTree(.asMounted) { tree in
      let group = try ControlGroup.make(in: tree)
      let child = try group.start("sleep 60")
      #expect(try refusal { try group.remove(within: .milliseconds(30)) } == EBUSY)
      try group.killAll()
      #expect(try child.wait(for: .limit(10)) == .signal(SIGKILL))
    }
  }

  @Test(arguments: HostLayout.available) func `entries and files fit the host`(host: HostLayout) throws {
    try withControlGroupTree(host) { tree in
      let group = try ControlGroup.make(in: tree)
      let ordinary = tree.layout.hierarchies.filter { $0.version == .v1 }
      #expect(try taskCount(group) == ordinary.count)
      #expect((group.unifiedDirectory != nil) == (tree.layout.kind != .v1))
      #expect(group.freezer == (tree.layout.kind == .v1 ? .v1 : .v2))
      #expect(try has(.kill, group) == (tree.layout.kind != .v1))
      #expect(try has(.outOfMemory, group) == (group.version(of: .memory) == .v1))
      for file in [ControlGroup.File.freeze, .cpuQuota, .memoryEvents, .memoryCurrent, .cpuUsage, .memoryPeak] {
        #expect(try has(file, group))
      }
      for file in [ControlGroup.File.cpuWeight, .processEvents] { #expect(try has(file, group)) }
      #expect(try has(.cpuThrottling, group) == (group.version(of: .cpu) == .v1))
      let period = group.version(of: .cpu) == .v2 ? "max 20000\n" : "20000\n"
      #expect(try group.text(of: group.version(of: .cpu) == .v2 ? "cpu.max" : "cpu.cfs_period_us") == period)
    }
  }

  @Test(arguments: HostLayout.available) func `waiting is told where the kernel counts it`(host: HostLayout) throws {
    try withControlGroupTree(host) { tree in
      let group = try ControlGroup.make(in: tree)
      // A kernel that was started without opens none of them.
      let isCounted = try refusal { _ = try Descriptor.open("/proc/pressure/cpu", flags: O_RDONLY) } == 0
      for file in [ControlGroup.File.cpuPressure, .memoryPressure, .ioPressure] {
        let isThere = isCounted && group.unifiedDirectory != nil
        #expect(try has(file, group) == isThere, "\(file)")
        if isThere { #expect(try ControlGroupText.stalledMicroseconds(in: group.open(file)!.readText()) == 0, "\(file)") }
      }
    }
  }

  private func taskCount(_ group: ControlGroup) throws -> Int {
    let tasks = try group.openTasks()
    return tasks.rawValues.count
  }

  private func has(_ file: ControlGroup.File, _ group: ControlGroup) throws -> Bool {
    switch try group.open(file) {
    case .some: true
    case nil: false
    }
  }
}
