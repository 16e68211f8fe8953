import CLinux
import Glibc

/// The control group of one sandbox: the same name in every hierarchy, with limits, statistics, freezer and kill.
///
/// Processes enter it by being cloned into ``unifiedDirectory`` (v2) and by writing `0` to each of ``openTasks()`` themselves (v1).
/// Nobody writes to `cgroup.procs`: that costs 4–28 ms on a stock kernel.
package final class ControlGroup: Sendable {
  /// The files that are handed out open.
  package enum File: Sendable, Hashable, CaseIterable {
    /// `cgroup.freeze`, or on pure v1 `freezer.state`; for writing.
    case freeze
    /// `cgroup.kill`, for writing; absent on pure v1.
    case kill
    /// `cpu.max` or `cpu.cfs_quota_us`, for writing.
    case cpuQuota
    /// `memory.events` or `memory.oom_control`, for reading: both have a line `oom_kill N`.
    case memoryEvents
    /// v1 only: an eventfd that the kernel raises when the group is out of memory, and once more when the group is removed.
    case outOfMemory
    /// `memory.peak` or `memory.max_usage_in_bytes`, for reading, and for writing where a write resets it; absent on v2 before 5.19.
    case memoryPeak
    /// `memory.current` or `memory.usage_in_bytes`, for reading.
    case memoryCurrent
    /// `cpu.stat` or `cpuacct.usage` (nanoseconds), for reading.
    case cpuUsage
    /// `cpu.weight` or `cpu.shares`, for writing: the share against other groups while all want the CPU.
    case cpuWeight
    /// v1 only: `cpu.stat` of the quota, for reading; on v2 ``cpuUsage`` has these lines too.
    case cpuThrottling
    /// `pids.events`, for reading: its line `max N` counts the processes and threads that were refused.
    case processEvents
    /// `cpu.pressure`, `memory.pressure` and `io.pressure` of the v2 tree, for reading; absent without one, and where the kernel keeps no
    /// pressure (`CONFIG_PSI`, `psi=1`).
    case cpuPressure
    case memoryPressure
    case ioPressure
  }

  package let name: String
  let tree: ControlGroupTree
  /// In the order of the layout.
  let members: [ControlGroupDirectory]

  init(name: String, tree: ControlGroupTree, members: [ControlGroupDirectory]) {
    self.name = name
    self.tree = tree
    self.members = members
  }

  /// Makes the group in every hierarchy, limits set; leaves nothing behind when a step fails.
  ///
  /// There is no CPU quota until one is written to ``File/cpuQuota``; its period is 20 ms.
  package static func make(
    in tree: ControlGroupTree, name: String, memoryBytes: UInt64, processLimit: UInt32
  ) throws(SystemError) -> ControlGroup {
    var members: [ControlGroupDirectory] = []
    do {
      for directory in tree.directories { members.append(try directory.makeChild(name)) }
      let group = ControlGroup(name: name, tree: tree, members: members)
      try group.setLimits(memoryBytes: memoryBytes, processLimit: processLimit)
      try group.setPeriod()
      return group
    } catch {
      for (directory, _) in zip(tree.directories, members) {
        // The first failure is the one to tell; what cannot be removed now is reaped at the next start.
        try? directory.removeChild(name, within: .zero)
      }
      throw error
    }
  }

  /// The directories, for whoever looks into a sandbox from the host.
  package var paths: [String] { members.map(\.path) }

  /// The same group with no descriptors but of what has to be thawed to die: on pure v1 the freezer.
  package var onlyForKilling: ControlGroup {
    let freezers = unified == nil ? members.filter { $0.hierarchy.controllers.contains(.freezer) } : []
    return ControlGroup(name: name, tree: tree, members: freezers)
  }

  /// The v2 directory, for `CLONE_INTO_CGROUP`, as long as this value lives; there on v2 and hybrid hosts.
  package var unifiedDirectory: CInt? { unified?.descriptor.rawValue }

  /// The v1 `tasks` files, open for writing, `cpu` last; none on v2.
  package func openTasks() throws(SystemError) -> DescriptorList {
    var tasks = DescriptorList()
    for member in members where member.hierarchy.version == .v1 {
      tasks.append(try member.open("tasks", flags: O_WRONLY))
    }
    return tasks
  }

  /// Sets the memory limit, swap included (there is none), and the number of processes and threads. Also for a group that is taken over
  /// from a pool with other limits.
  package func setLimits(memoryBytes: UInt64, processLimit: UInt32) throws(SystemError) {
    if let pids = member(with: .pids) { try pids.write("\(processLimit)", to: "pids.max") }
    guard let memory = member(with: .memory) else { return }
    switch memory.hierarchy.version {
    case .v1:
      // v1 keeps TCP's buffers out of the memory limit. A limit of their own is the nearest thing: else one function could take the whole
      // host's (tcp_mem).
      try memory.writeIfPresent("\(memoryBytes / 4)", to: "memory.kmem.tcp.limit_in_bytes")
      // memory and swap together may never be less than memory alone, so that one is opened first and closed last.
      try memory.writeIfPresent("-1", to: "memory.memsw.limit_in_bytes")
      try memory.write("\(memoryBytes)", to: "memory.limit_in_bytes")
      try memory.writeIfPresent("\(memoryBytes)", to: "memory.memsw.limit_in_bytes")
      try memory.writeIfPresent("0", to: "memory.swappiness")
    case .v2:
      try memory.write("\(memoryBytes)", to: "memory.max")
      try memory.writeIfPresent("0", to: "memory.swap.max")
      try memory.write("1", to: "memory.oom.group")
    }
  }

  private func setPeriod() throws(SystemError) {
    guard let cpu = member(with: .cpu) else { return }
    switch cpu.hierarchy.version {
    case .v1:
      try cpu.write("20000", to: "cpu.cfs_period_us")
      try cpu.write("-1", to: "cpu.cfs_quota_us")
    case .v2:
      try cpu.write("max 20000", to: "cpu.max")
    }
  }

  var unified: ControlGroupDirectory? { members.first { $0.hierarchy.version == .v2 } }

  func member(with controller: ControlGroupLayout.Controller) -> ControlGroupDirectory? {
    members.first { $0.hierarchy.controllers.contains(controller) }
  }
}
