import FunctionModel

// Promises about limits: of a process, and of the environment as a whole.
extension EnvironmentSnapshot {
  var limitPromises: [Promise] { [processLimitPromise, memoryPromise, taskPromise, processorPromise] }

  /// The largest hard limits; a function may lower its own. Of processes its control group refuses those beyond 1,024 before.
  static let hardLimits: [(name: String, most: Int64)] = [
    ("Max open files", 1_024), ("Max processes", 1_040), ("Max core file size", 1), ("Max locked memory", 65_536),
    ("Max msgqueue size", 65_536),
    ("Max pending signals", 1_024), ("Max nice priority", 0), ("Max realtime priority", 0),
  ]

  private var processLimitPromise: Promise {
    let exceptions = all.flatMap { one in
      let limits = one.limits
      return Self.hardLimits.filter { limit in (limits[limit.name]?.hard).map { $0 > limit.most } ?? true }
        .map { "\(one.description): \($0.name) \(limits[$0.name]?.hard.map(String.init) ?? "unlimited")" }
    }
    return Promise(
      "what a process takes of the pools that all share is limited", exceptions: exceptions,
      otherwise: Self.hardLimits.map { "\($0.name.dropFirst(4)) \($0.most)" }.joined(separator: ", "))
  }

  private func value(_ file: String) -> GroupFile? { groupFiles.first { $0.path.hasSuffix("/\(file)") } }

  private var memoryPromise: Promise {
    let claim = "memory is limited to what the function has, and is not swapped"
    guard let limit = value("memory.max") ?? value("memory.limit_in_bytes") else { return Promise(claim, holds: false, found: "no limit") }
    let swap = value("memory.swap.max") ?? value("memory.memsw.limit_in_bytes") ?? value("memory.swappiness")
    let unswapped: Bool
    switch swap?.path.split(separator: "/").last {
    case nil: unswapped = true  // a kernel that accounts no swap
    case "memory.memsw.limit_in_bytes": unswapped = swap?.value == limit.value
    default: unswapped = swap?.value == "0"
    }
    let found = [limit, swap].compactMap { $0 }.map { "\($0.path.split(separator: "/").last ?? "") \($0.value)" }.joined(separator: ", ")
    return Promise(claim, holds: Int64(limit.value) == status.memorySize.bytes && unswapped, found: found)
  }

  private var taskPromise: Promise {
    let limit = value("pids.max")
    return Promise(
      "processes and threads are limited", holds: limit.flatMap { Int64($0.value) }.map { $0 <= 1_100 } ?? false,
      found: limit.map { "pids.max \($0.value)" } ?? "no limit")
  }

  private var processorPromise: Promise {
    let claim = "CPU time is limited"
    guard let quota = value("cpu.max") ?? value("cpu.cfs_quota_us") else { return Promise(claim, holds: false, found: "no limit") }
    // During init an environment has a whole CPU more than its share, and still a quota where the host has more.
    let isInitializing = status.state == .starting || status.state == .initializing
    let isLimited = !quota.value.hasPrefix("max") && !quota.value.hasPrefix("-1")
    return Promise(claim, holds: isLimited || isInitializing, found: quota.value)
  }
}
