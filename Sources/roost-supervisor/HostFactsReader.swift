import FoundationEssentials
import FunctionModel
import LinuxSystem
import SpawnProtocol
import Store

/// What the daemon asks the kernel about its host.
enum HostFactsReader {
  /// All memory but what unpackers may take, and a tenth, at least 512 MB, which stays for the host itself.
  static func defaultMemoryBudget() -> MemorySize {
    let total = totalMemory()
    return max(.megabytes(128), total - unpackers - max(.megabytes(512), MemorySize(bytes: total.bytes / 10)))
  }

  /// What all unpackers may take together, beside the environments.
  static var unpackers: MemorySize {
    MemorySize(bytes: Int64(SpawnProtocol.unpackerMemoryBytes) * Int64(ArtifactStore.unpackersAtOnce))
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

  /// Of the file system that `path` is on, or would be.
  static func diskSpace(for path: String) -> DiskSpace {
    var url = URL(filePath: path)
    while url.path != "/", !FileManager.default.fileExists(atPath: url.path) { url.deleteLastPathComponent() }
    do {
      let space = try Descriptor.open(url.path, flags: 0).fileSystemSpace()
      return DiskSpace(
        free: MemorySize(bytes: Int64(clamping: space.availableBytes)), total: MemorySize(bytes: Int64(clamping: space.totalBytes)))
    } catch {
      // What cannot be asked has nothing: then only a disk-budget that is named admits environments.
      return DiskSpace(free: MemorySize(bytes: 0), total: MemorySize(bytes: 0))
    }
  }
}

/// How much a file system has.
struct DiskSpace {
  var free: MemorySize
  var total: MemorySize

  /// A twentieth of the whole, at most 1 GiB.
  var usualReserve: MemorySize { min(.megabytes(1_024), MemorySize(bytes: total.bytes / 20)) }

  /// All that is free now but the reserve, and a tenth for code, images and databases; enough for one environment in any case.
  func defaultBudget(reserve: MemorySize) -> MemorySize {
    max(.megabytes(512), free - reserve - MemorySize(bytes: free.bytes / 10))
  }
}
