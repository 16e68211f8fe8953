package import FunctionModel

/// What an environment is promised, or a host has to promise: memory, disk space for `/tmp`, and the descriptors by which it is held.
package struct HostResources: Sendable, Hashable {
  package var memory: MemorySize
  package var disk: MemorySize
  /// How many environments' descriptors.
  package var environments: Int

  package static let none = HostResources(memory: MemorySize(bytes: 0), disk: MemorySize(bytes: 0), environments: 0)

  package init(memory: MemorySize, disk: MemorySize, environments: Int) {
    self.memory = memory
    self.disk = disk
    self.environments = environments
  }

  /// Whether there is no more of any than in `whole`.
  func fits(in whole: HostResources) -> Bool {
    memory <= whole.memory && disk <= whole.disk && environments <= whole.environments
  }

  /// Nothing instead of less than nothing.
  var positive: HostResources {
    HostResources(memory: max(memory, MemorySize(bytes: 0)), disk: max(disk, MemorySize(bytes: 0)), environments: max(environments, 0))
  }

  static func + (left: HostResources, right: HostResources) -> HostResources {
    HostResources(memory: left.memory + right.memory, disk: left.disk + right.disk, environments: left.environments + right.environments)
  }

  static func - (left: HostResources, right: HostResources) -> HostResources {
    HostResources(memory: left.memory - right.memory, disk: left.disk - right.disk, environments: left.environments - right.environments)
  }

  static func * (left: HostResources, count: Int) -> HostResources {
    HostResources(
      memory: MemorySize(bytes: left.memory.bytes * Int64(count)), disk: MemorySize(bytes: left.disk.bytes * Int64(count)),
      environments: left.environments * count)
  }
}

extension HostResources {
  /// How many environments a process that may have `descriptors` can hold.
  ///
  /// Each takes ten of the supervisor's, and three of roostd's: sockets, pipes, a pidfd, what it is frozen and killed by, and one connection;
  /// two more are for those of extensions. A quarter, at most 4,096, is for clients and for what is made at the moment, 512 for the daemon
  /// itself: databases, and the statistics of the sandboxes that work.
  package static func environments(descriptors: Int) -> Int {
    max(1, (descriptors - min(descriptors / 4, 4_096) - 512) / 12)
  }
}

extension FunctionVersion {
  /// What each of its environments is promised: a volume's blocks are taken when they are written, but any function may fill its own.
  var promise: HostResources { HostResources(memory: memory, disk: ephemeralStorage, environments: 1) }
}
