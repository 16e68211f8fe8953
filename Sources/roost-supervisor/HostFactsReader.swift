import FoundationEssentials
import FunctionModel

/// What the daemon asks the kernel about its host.
enum HostFactsReader {
  /// All memory but a tenth, at least 1 GiB, which stays for the host itself.
  static func defaultMemoryBudget() -> MemorySize {
    let total = totalMemory()
    return max(.megabytes(128), total - max(.megabytes(1_024), MemorySize(bytes: total.bytes / 10)))
  }

  /// `MemTotal` of proc(5) meminfo; 2 GiB if it cannot be read.
  static func totalMemory() -> MemorySize {
    let text = (try? String(contentsOf: URL(filePath: "/proc/meminfo"), encoding: .utf8)) ?? ""  // the fallback is documented
    for line in text.split(separator: "\n") where line.hasPrefix("MemTotal:") {
      if let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int64($0) }) {
        return MemorySize(bytes: kilobytes * 1_024)
      }
    }
    return .megabytes(2_048)
  }
}
