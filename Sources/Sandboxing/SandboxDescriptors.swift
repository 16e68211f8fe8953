import LinuxSystem
import SpawnProtocol

/// The descriptors that roostd handed over with one sandbox, each with its one owner.
struct SandboxDescriptors: ~Copyable, Sendable {
  let process: Descriptor
  let control: Descriptor
  let standardOutput: Descriptor
  let standardError: Descriptor
  let freezer: Descriptor
  /// Absent on a pure v1 host.
  let kill: Descriptor?
  let cpuQuota: Descriptor
  let memoryEvents: Descriptor
  /// v1 only.
  let outOfMemory: Descriptor?
  /// Absent on v2 before Linux 5.19.
  let memoryPeak: Descriptor?
  let memoryCurrent: Descriptor
  let cpuUsage: Descriptor
  let cpuWeight: Descriptor
  /// v1 only.
  let cpuThrottling: Descriptor?
  /// Absent where the kernel lacks it.
  let processEvents: Descriptor?
  /// Absent where the kernel keeps no pressure.
  let cpuPressure: Descriptor?
  let memoryPressure: Descriptor?
  let ioPressure: Descriptor?
}

/// The received descriptors by role, until each has found its owner. What is left is closed.
struct ReceivedDescriptors: ~Copyable {
  private var numbers: [DescriptorRole: CInt]

  /// Takes ownership of `numbers`; `nil` (and all closed) unless there is exactly one for each role.
  init?(roles: [DescriptorRole], numbers: [CInt]) {
    guard roles.count == numbers.count, Set(roles).count == roles.count else {
      for number in numbers { _ = Descriptor(owning: number) }
      return nil
    }
    self.numbers = Dictionary(uniqueKeysWithValues: zip(roles, numbers))
  }

  deinit {
    for number in numbers.values { _ = Descriptor(owning: number) }
  }

  mutating func take(_ role: DescriptorRole) -> Descriptor? {
    guard let number = numbers.removeValue(forKey: role) else { return nil }
    return Descriptor(owning: number)
  }

  /// The set that a sandbox needs; `nil` if roostd left out one that every host has.
  mutating func sandboxDescriptors() -> SandboxDescriptors? {
    guard let process = take(.process), let control = take(.control), let output = take(.standardOutput),
      let errorOutput = take(.standardError), let freezer = take(.freeze), let quota = take(.cpuQuota),
      let events = take(.memoryEvents), let current = take(.memoryCurrent), let usage = take(.cpuUsage), let weight = take(.cpuWeight)
    else { return nil }
    return SandboxDescriptors(
      process: process, control: control, standardOutput: output, standardError: errorOutput, freezer: freezer,
      kill: take(.kill), cpuQuota: quota, memoryEvents: events, outOfMemory: take(.outOfMemory),
      memoryPeak: take(.memoryPeak), memoryCurrent: current, cpuUsage: usage, cpuWeight: weight,
      cpuThrottling: take(.cpuThrottling), processEvents: take(.processEvents), cpuPressure: take(.cpuPressure),
      memoryPressure: take(.memoryPressure), ioPressure: take(.ioPressure))
  }
}
