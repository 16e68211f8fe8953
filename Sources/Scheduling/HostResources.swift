package import FunctionModel

/// What an environment is promised, or a host has to promise: memory, and disk space for `/tmp`.
package struct HostResources: Sendable, Hashable {
  package var memory: MemorySize
  package var disk: MemorySize

  package static let none = HostResources(memory: MemorySize(bytes: 0), disk: MemorySize(bytes: 0))

  package init(memory: MemorySize, disk: MemorySize) {
    self.memory = memory
    self.disk = disk
  }

  /// Whether there is no more of either than in `whole`.
  func fits(in whole: HostResources) -> Bool { memory <= whole.memory && disk <= whole.disk }

  /// Nothing instead of less than nothing.
  var positive: HostResources {
    HostResources(memory: max(memory, MemorySize(bytes: 0)), disk: max(disk, MemorySize(bytes: 0)))
  }

  static func + (left: HostResources, right: HostResources) -> HostResources {
    HostResources(memory: left.memory + right.memory, disk: left.disk + right.disk)
  }

  static func - (left: HostResources, right: HostResources) -> HostResources {
    HostResources(memory: left.memory - right.memory, disk: left.disk - right.disk)
  }

  static func * (left: HostResources, count: Int) -> HostResources {
    HostResources(memory: MemorySize(bytes: left.memory.bytes * Int64(count)), disk: MemorySize(bytes: left.disk.bytes * Int64(count)))
  }
}

extension FunctionVersion {
  /// What each of its environments is promised: a volume's blocks are taken when they are written, but any function may fill its own.
  var promise: HostResources { HostResources(memory: memory, disk: ephemeralStorage) }
}
