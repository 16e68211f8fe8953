package import FunctionModel
package import SpawnProtocol

/// The share of CPU time that a memory size buys: `memory / 1,769 MB` of one CPU, at most what the host has.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
package struct CPUShare: Sendable, Hashable {
  /// Length of one accounting period, in microseconds. The kernel's default of 100 ms would stall a 128 MB function for
  /// 93 ms at a time.
  package static let period = 20_000
  /// The kernel refuses a quota below this, in microseconds.
  private static let smallestQuota = 1_000

  /// CPU time per period, in microseconds.
  package let quota: Int
  /// What the share weighs against others while all together want more than there is, in thousandths of a CPU.
  package let weight: Int

  package init(memory: MemorySize, hostCPUs: Int) {
    weight = Int(memory.bytes * 1_000 / (Int64(Limits.megabytesPerCPU) << 20))
    let wanted = Int(memory.bytes * Int64(Self.period) / (Int64(Limits.megabytesPerCPU) << 20))
    quota = max(Self.smallestQuota, min(wanted, hostCPUs * Self.period))
  }

  /// What is written to `cpu.max` (v2) or `cpu.cfs_quota_us` (v1, where the period is set already).
  package func controlText(_ kind: ControllerKind) -> String {
    switch kind {
    case .v2: "\(quota) \(Self.period)"
    case .v1: "\(quota)"
    }
  }

  /// What is written to `cpu.weight` (v2, 1 to 10,000, 100 by default) or `cpu.shares` (v1, from 2, 1,024 by default): the default for one
  /// whole CPU.
  package func weightText(_ kind: ControllerKind) -> String {
    switch kind {
    case .v2: "\(min(10_000, max(1, weight / 10)))"
    case .v1: "\(max(2, weight * 1_024 / 1_000))"
    }
  }
}
