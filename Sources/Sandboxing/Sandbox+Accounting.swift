package import FunctionModel
package import LinuxSystem
import SpawnProtocol

// What the kernel has counted of a sandbox.
extension Sandbox {
  /// The highest charge to the memory limit so far; the present one where the kernel keeps no peak.
  package func maxMemoryUsed() throws(SystemError) -> MemorySize {
    // By a name of its own: a switch over the property of an unnamed value never lets that go (Swift 6.3).
    let files = try statistics.files(of: created)
    guard let text = try text(of: files.memoryPeak) else { return try memoryUsed() }
    return MemorySize(bytes: number(text))
  }

  package func memoryUsed() throws(SystemError) -> MemorySize {
    MemorySize(bytes: number(try statistics.memoryUsed(by: created)))
  }

  /// CPU time of all processes, and what they had to do without.
  package func cpuAndStalls() throws(SystemError) -> (cpuMicroseconds: Int64, stalls: ResourceStalls) {
    let files = try statistics.files(of: created)
    let usage = try files.cpuUsage.readText()
    var stalls = ResourceStalls()
    let cpu: Int64
    switch created.cpu {
    case .v2:
      cpu = counter("usage_usec", in: usage)
      stalls.throttledPeriods = counter("nr_throttled", in: usage)
      stalls.throttledMicroseconds = counter("throttled_usec", in: usage)
    case .v1:
      cpu = number(usage) / 1_000
      if let text = try text(of: files.cpuThrottling) {
        stalls.throttledPeriods = counter("nr_throttled", in: text)
        stalls.throttledMicroseconds = counter("throttled_time", in: text) / 1_000
      }
    }
    if let text = try text(of: files.processEvents) { stalls.refusedProcesses = counter("max", in: text) }
    stalls.cpuPressureMicroseconds = try text(of: files.cpuPressure).flatMap(ControlGroupText.stalledMicroseconds)
    stalls.memoryPressureMicroseconds = try text(of: files.memoryPressure).flatMap(ControlGroupText.stalledMicroseconds)
    stalls.ioPressureMicroseconds = try text(of: files.ioPressure).flatMap(ControlGroupText.stalledMicroseconds)
    return (cpu, stalls)
  }

  /// How many processes the kernel has killed for want of memory.
  package func outOfMemoryKills() throws(SystemError) -> Int64 {
    counter("oom_kill", in: try statistics.memoryEvents(of: created))
  }

  /// Whether the kernel may kill one process of the sandbox and leave the others: v1. On v2 all go at once (`memory.oom.group`).
  package var mayLoseSingleProcesses: Bool { created.memory == .v1 }

  private func text(of file: borrowing Descriptor?) throws(SystemError) -> String? {
    switch file {
    case .some(let file): try file.readText()
    case .none: nil
    }
  }

  private func number(_ text: String) -> Int64 {
    Int64(text.prefix { $0.isNumber }) ?? 0
  }

  /// The number after `name` in a file of "name number" lines; 0 if there is none.
  private func counter(_ name: String, in text: String) -> Int64 {
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 2, words[0] == name { return Int64(words[1]) ?? 0 }
    }
    return 0
  }
}
