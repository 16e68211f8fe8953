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
  let memoryNotice: MemoryNotice

  /// Where the group tells that it has met its memory limit.
  enum MemoryNotice: ~Copyable, Sendable {
    /// v1: an eventfd.
    case counter(Descriptor)
    /// v2: `memory.events`.
    case events(Descriptor)
  }
}

/// What the init phase's end is written to, once.
struct CPUControls: ~Copyable, Sendable {
  let quota: Descriptor
  let weight: Descriptor
}

/// The received descriptors by role, until each has found its owner. What is left is closed.
struct ReceivedDescriptors<Role: Hashable & Sendable>: ~Copyable, Sendable {
  private var numbers: [Role: CInt]

  /// Takes ownership of `numbers`; `nil` (and all closed) unless there is exactly one for each role.
  init?(roles: [Role], numbers: [CInt]) {
    guard roles.count == numbers.count, Set(roles).count == roles.count else {
      for number in numbers { _ = Descriptor(owning: number) }
      return nil
    }
    self.numbers = Dictionary(uniqueKeysWithValues: zip(roles, numbers))
  }

  deinit {
    for number in numbers.values { _ = Descriptor(owning: number) }
  }

  mutating func take(_ role: Role) -> Descriptor? {
    guard let number = numbers.removeValue(forKey: role) else { return nil }
    return Descriptor(owning: number)
  }
}

extension ReceivedDescriptors where Role == DescriptorRole {
  /// The set that a sandbox needs; `nil` if roostd left out one that every host has.
  mutating func sandboxDescriptors() -> SandboxDescriptors? {
    guard let process = take(.process), let control = take(.control), let output = take(.standardOutput),
      let errorOutput = take(.standardError), let freezer = take(.freeze), let notice = memoryNotice()
    else { return nil }
    return SandboxDescriptors(
      process: process, control: control, standardOutput: output, standardError: errorOutput, freezer: freezer,
      kill: take(.kill), memoryNotice: notice)
  }

  private mutating func memoryNotice() -> SandboxDescriptors.MemoryNotice? {
    if let counter = take(.outOfMemory) { return .counter(counter) }
    guard let events = take(.memoryEvents) else { return nil }
    return .events(events)
  }

  mutating func cpuControls() -> CPUControls? {
    guard let quota = take(.cpuQuota), let weight = take(.cpuWeight) else { return nil }
    return CPUControls(quota: quota, weight: weight)
  }
}
