import Glibc
import LinuxSystem
import SpawnProtocol
import Synchronization

/// What the kernel counts of all sandboxes, read beneath the directories of control groups that roostd handed over at the start.
///
/// A sandbox that works is asked after each invocation, and a thousand may be idle: files are opened when they are wanted, and stay open of
/// the ``limit`` sandboxes that were asked last.
final class SandboxStatistics: Sendable {
  /// Some five hundred descriptors.
  static let limit = 64

  private let trees: Trees
  private let recent = Mutex(Recent())

  private struct Recent {
    var files: [UInt64: (files: StatisticsFiles, use: UInt64)] = [:]
    var uses: UInt64 = 0

    mutating func take(_ group: UInt64) -> StatisticsFiles? {
      guard let found = files[group]?.files else { return nil }
      uses += 1
      files[group]?.use = uses
      return found
    }

    mutating func keep(_ new: StatisticsFiles, of group: UInt64) {
      if files.count >= limit, let oldest = files.min(by: { $0.value.use < $1.value.use }) { files[oldest.key] = nil }
      uses += 1
      files[group] = (new, uses)
    }
  }

  init(_ trees: consuming Trees) {
    self.trees = trees
  }

  /// The files of a group that are read after each invocation.
  func files(of sandbox: CreatedSandbox) throws(SystemError) -> StatisticsFiles {
    try recent.withLock { recent throws(SystemError) in
      if let found = recent.take(sandbox.group) { return found }
      let files = try StatisticsFiles(of: sandbox, in: trees)
      recent.keep(files, of: sandbox.group)
      return files
    }
  }

  /// What the group is charged now, in bytes as digits.
  func memoryUsed(by sandbox: CreatedSandbox) throws(SystemError) -> String {
    try open(sandbox, sandbox.memory == .v2 ? "memory.current" : "memory.usage_in_bytes", in: trees.memory).readText()
  }

  /// A text with the line `oom_kill N`.
  func memoryEvents(of sandbox: CreatedSandbox) throws(SystemError) -> String {
    try open(sandbox, sandbox.memory == .v2 ? "memory.events" : "memory.oom_control", in: trees.memory).readText()
  }

  /// Closes what is open of it.
  func forget(_ sandbox: CreatedSandbox) {
    recent.withLock { _ = $0.files.removeValue(forKey: sandbox.group) }
  }

  /// How many sandboxes have files open.
  var openCount: Int { recent.withLock { $0.files.count } }
}

/// The directories that roostd handed over.
struct Trees: ~Copyable, Sendable {
  let memory: Descriptor
  let cpu: Descriptor
  let processes: Descriptor
  /// v1 only.
  let cpuAccounting: Descriptor?
  /// Absent on pure v1.
  let unified: Descriptor?

  /// `nil` if roostd left out one that every host has.
  init?(_ received: consuming ReceivedDescriptors<TreeRole>) {
    guard let memory = received.take(.memory), let cpu = received.take(.cpu), let processes = received.take(.processes) else { return nil }
    self.memory = memory
    self.cpu = cpu
    self.processes = processes
    cpuAccounting = received.take(.cpuAccounting)
    unified = received.take(.unified)
  }
}

/// Open files of one group; each read answers anew. They close with the last who knows this value.
final class StatisticsFiles: Sendable {
  /// v2 `cpu.stat` (line `usage_usec N`) or v1 `cpuacct.usage` (nanoseconds).
  let cpuUsage: Descriptor
  /// v1 only: `cpu.stat` (lines `nr_throttled N`, `throttled_time N` in nanoseconds); v2 has them in ``cpuUsage``.
  let cpuThrottling: Descriptor?
  /// `memory.peak` or `memory.max_usage_in_bytes`; absent on v2 before Linux 5.19.
  let memoryPeak: Descriptor?
  /// `pids.events` (line `max N`); absent where the kernel lacks it.
  let processEvents: Descriptor?
  /// Pressure stall information of the v2 tree; absent where the kernel keeps none.
  let cpuPressure: Descriptor?
  let memoryPressure: Descriptor?
  let ioPressure: Descriptor?

  fileprivate init(of sandbox: CreatedSandbox, in trees: borrowing Trees) throws(SystemError) {
    switch trees.cpuAccounting {
    case .some(let tree): cpuUsage = try open(sandbox, "cpuacct.usage", in: tree)
    case nil: cpuUsage = try open(sandbox, "cpu.stat", in: trees.cpu)
    }
    cpuThrottling = sandbox.cpu == .v1 ? try openIfPresent(sandbox, "cpu.stat", in: trees.cpu) : nil
    memoryPeak = try openIfPresent(sandbox, sandbox.memory == .v2 ? "memory.peak" : "memory.max_usage_in_bytes", in: trees.memory)
    processEvents = try openIfPresent(sandbox, "pids.events", in: trees.processes)
    switch trees.unified {
    case .some(let tree):
      cpuPressure = try openIfPresent(sandbox, "cpu.pressure", in: tree)
      memoryPressure = try openIfPresent(sandbox, "memory.pressure", in: tree)
      ioPressure = try openIfPresent(sandbox, "io.pressure", in: tree)
    case nil:
      cpuPressure = nil
      memoryPressure = nil
      ioPressure = nil
    }
  }
}

private func open(_ sandbox: CreatedSandbox, _ file: String, in tree: borrowing Descriptor) throws(SystemError) -> Descriptor {
  try Descriptor.openBeneath(directory: tree, path: "\(sandbox.group)/\(file)", flags: O_RDONLY)
}

/// EOPNOTSUPP: kernels with pressure compiled in and switched off show the files, and refuse to open them.
private func openIfPresent(
  _ sandbox: CreatedSandbox, _ file: String, in tree: borrowing Descriptor
) throws(SystemError) -> Descriptor? {
  do {
    return try open(sandbox, file, in: tree)
  } catch let error where error.errno == ENOENT || error.errno == EOPNOTSUPP {
    return nil
  }
}
