import LinuxSystem
import Testing

@Suite struct ControlGroupLayoutTests {
  /// As mounted by a minimal init: one tree per controller.
  static let ordinary = """
    23 1 254:0 / / rw,relatime - ext4 /dev/vda rw
    31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
    32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
    33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct
    34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
    35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
    36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
    37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
    39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
    40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd

    """
  static let unified = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"

  /// Debian 12 as systemd mounts it.
  static let debian = """
    22 28 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
    26 22 0:23 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
    28 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro

    """

  /// Debian 10: systemd's own mixture, controllers mounted together, the v2 tree empty.
  static let mixed = """
    24 19 0:22 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,mode=755
    25 24 0:23 / /sys/fs/cgroup/unified rw,nosuid,nodev,noexec,relatime shared:10 - cgroup2 cgroup2 rw,nsdelegate
    26 24 0:24 / /sys/fs/cgroup/systemd rw,nosuid,nodev,noexec,relatime shared:11 - cgroup cgroup rw,xattr,name=systemd
    29 24 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid,nodev,noexec,relatime shared:14 master:1 - cgroup cgroup rw,cpu,cpuacct
    30 24 0:28 / /sys/fs/cgroup/memory rw,nosuid,nodev,noexec,relatime shared:15 - cgroup cgroup rw,memory
    33 24 0:31 / /sys/fs/cgroup/pids rw,nosuid,nodev,noexec,relatime shared:18 - cgroup cgroup rw,pids

    """

  @Test func `a host with v1 alone freezes by v1 and enters cpu last`() {
    let layout = ControlGroupLayout(mountInfo: Self.ordinary, unifiedControllers: "")
    #expect(layout.kind == .v1)
    #expect(layout.unified == nil)
    #expect(layout.missing.isEmpty)
    #expect(Set(layout.hierarchies.flatMap(\.controllers)) == [.memory, .cpu, .cpuacct, .pids, .freezer])
    #expect(layout.hierarchies.last?.controllers == [.cpu])
    #expect(layout.hierarchy(with: .memory)?.mountPoint == "/sys/fs/cgroup/memory")
  }

  @Test func `a hybrid host freezes by v2, whatever stands in the v1 freezer's place`() {
    let layout = ControlGroupLayout(mountInfo: Self.ordinary + Self.unified, unifiedControllers: "\n")
    #expect(layout.kind == .hybrid)
    #expect(layout.unified?.mountPoint == "/sys/fs/cgroup/unified")
    #expect(layout.unified?.controllers.isEmpty == true)
    #expect(layout.hierarchy(with: .freezer) == nil)
    #expect(layout.hierarchy(with: .pids)?.version == .v1)
    #expect(layout.hierarchies.first?.version == .v2)
    #expect(layout.hierarchies.last?.controllers == [.cpu])
  }

  @Test func `a host with v2 alone has one tree for everything`() {
    let layout = ControlGroupLayout(mountInfo: Self.debian, unifiedControllers: "cpuset cpu io memory hugetlb pids rdma misc\n")
    #expect(layout.kind == .v2)
    #expect(layout.hierarchies.map(\.mountPoint) == ["/sys/fs/cgroup"])
    #expect(layout.unified?.controllers == [.memory, .cpu, .pids, .hugetlb])
    #expect(layout.hierarchy(with: .cpuacct) == nil)
    #expect(layout.missing.isEmpty)
  }

  @Test func `controllers mounted together are one tree`() {
    let layout = ControlGroupLayout(mountInfo: Self.mixed, unifiedControllers: "")
    #expect(layout.kind == .hybrid)
    #expect(layout.hierarchies.count == 4)
    #expect(layout.hierarchies.last?.controllers == [.cpu, .cpuacct])
  }

  @Test func `controllers are taken from the tree that has them`() {
    let layout = ControlGroupLayout(mountInfo: Self.ordinary + Self.unified, unifiedControllers: "pids\n")
    #expect(layout.hierarchy(with: .pids)?.version == .v2)
    #expect(layout.hierarchy(with: .memory)?.version == .v1)
    #expect(!layout.hierarchies.contains { $0.mountPoint == "/sys/fs/cgroup/pids" })
  }

  @Test func `a host without control groups says what is missing`() {
    let layout = ControlGroupLayout(mountInfo: "28 1 254:1 / / rw shared:1 - ext4 /dev/vda1 rw\nrubbish\n\n- - -\n", unifiedControllers: "")
    #expect(layout.hierarchies.isEmpty)
    #expect(layout.missing == [.memory, .cpu, .pids])
  }

  @Test func `escaped mount points are read`() {
    let line = "26 22 0:23 / /sys/fs/my\\040cgroup\\134x rw - cgroup2 cgroup2 rw\n"
    #expect(ControlGroupLayout(mountInfo: line, unifiedControllers: "").unified?.mountPoint == "/sys/fs/my cgroup\\x")
  }

  @Test func `this host's layout can be detected`() throws {
    #expect(try !ControlGroupLayout.detect().hierarchies.isEmpty)
  }

  @Test func `a tree's name depends on the state directory and on nothing else`() {
    #expect(ControlGroupTree.name(forStateDirectory: "/var/lib/roost") == ControlGroupTree.name(forStateDirectory: "/var/lib/roost"))
    #expect(ControlGroupTree.name(forStateDirectory: "/var/lib/roost") != ControlGroupTree.name(forStateDirectory: "/var/lib/roost2"))
    #expect(ControlGroupTree.name(forStateDirectory: "").count == "roost-".count + 8)
    #expect(ControlGroupTree.name(forStateDirectory: "") == "roost-811c9dc5")
  }

  @Test func `counters and numbers are found in the kernel's texts`() {
    let text = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"
    #expect(ControlGroupText.counter("oom_kill", in: text) == 3)
    #expect(ControlGroupText.counter("oom", in: text) == nil)
    #expect(ControlGroupText.counter("oom_kill", in: "") == nil)
    #expect(ControlGroupText.number("4096\n") == 4096)
    #expect(ControlGroupText.number("max\n") == nil)
  }
}
