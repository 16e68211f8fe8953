/// What a function had to do without: of one invocation in the journal, of a sandbox since it was made while it runs.
package struct ResourceStalls: Sendable, Hashable, Codable {
  /// Periods of 20 ms in which the CPU quota was used up before they ended.
  package var throttledPeriods: Int64
  /// How long its processes waited for the next period, summed over the processors.
  package var throttledMicroseconds: Int64
  /// Processes and threads that the limit on their number refused.
  package var refusedProcesses: Int64
  /// Pressure stall information: how long at least one process waited for a processor, for memory to be reclaimed, for the disk. `nil`
  /// where the kernel keeps none.
  package var cpuPressureMicroseconds: Int64?
  package var memoryPressureMicroseconds: Int64?
  package var ioPressureMicroseconds: Int64?

  package init(
    throttledPeriods: Int64 = 0, throttledMicroseconds: Int64 = 0, refusedProcesses: Int64 = 0,
    cpuPressureMicroseconds: Int64? = nil, memoryPressureMicroseconds: Int64? = nil, ioPressureMicroseconds: Int64? = nil
  ) {
    self.throttledPeriods = throttledPeriods
    self.throttledMicroseconds = throttledMicroseconds
    self.refusedProcesses = refusedProcesses
    self.cpuPressureMicroseconds = cpuPressureMicroseconds
    self.memoryPressureMicroseconds = memoryPressureMicroseconds
    self.ioPressureMicroseconds = ioPressureMicroseconds
  }

  /// What came to `earlier` since it was taken; never less than nothing.
  package func since(_ earlier: ResourceStalls) -> ResourceStalls {
    func difference(_ path: KeyPath<ResourceStalls, Int64?>) -> Int64? {
      self[keyPath: path].map { max(0, $0 - (earlier[keyPath: path] ?? 0)) }
    }
    return ResourceStalls(
      throttledPeriods: max(0, throttledPeriods - earlier.throttledPeriods),
      throttledMicroseconds: max(0, throttledMicroseconds - earlier.throttledMicroseconds),
      refusedProcesses: max(0, refusedProcesses - earlier.refusedProcesses),
      cpuPressureMicroseconds: difference(\.cpuPressureMicroseconds),
      memoryPressureMicroseconds: difference(\.memoryPressureMicroseconds),
      ioPressureMicroseconds: difference(\.ioPressureMicroseconds))
  }
}
