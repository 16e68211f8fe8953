import Glibc
import LinuxSystem

/// Waits for moments in which nobody else wants the processors: what others do is most of the spread of such short times.
struct QuietMoment {
  /// How many times the wait was given up after three seconds.
  private(set) var failures = 0

  private struct Ticks {
    var idle: UInt64
    var total: UInt64
  }

  /// At least 60 ms, in which the pool of volumes is filled again, too; the last 60 ms were four fifths idle.
  mutating func wait() throws(SystemError) {
    for _ in 0..<50 {
      let before = try ticks()
      usleep(60_000)
      let after = try ticks()
      if (after.idle - before.idle) * 5 >= (after.total - before.total) * 4 { return }
    }
    failures += 1
  }

  /// The first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal … in ticks since boot. See proc(5).
  private func ticks() throws(SystemError) -> Ticks {
    let text = try Descriptor.open("/proc/stat", flags: O_RDONLY).readText()
    let numbers = text.prefix { $0 != "\n" }.split(separator: " ").dropFirst().prefix(8).compactMap { UInt64($0) }
    guard numbers.count == 8 else { return Ticks(idle: 0, total: 0) }
    return Ticks(idle: numbers[3] + numbers[4], total: numbers.reduce(0, +))
  }
}
