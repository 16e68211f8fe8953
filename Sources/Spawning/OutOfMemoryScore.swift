import Glibc
import LinuxSystem

/// Who goes first when the whole host runs out of memory: sandboxes, then the host's own programs, then the supervisor, roostd last.
///
/// proc(5), `oom_score_adj`. To go below what one was given wants CAP_SYS_RESOURCE; a host that took that from roostd leaves it, and its
/// supervisor, where they were. Until its execve a sandbox's child shares roostd's memory, and the kernel counts both as one: its own score is
/// written afterwards.
enum OutOfMemoryScore {
  static let roostd = -900
  static let supervisor = -500
  /// Before everything ordinary; within a sandbox all processes have the same.
  static let sandbox = 500

  /// Lowers our own. Returns what the supervisor is to have; `nil`: what it inherits.
  static func lowerOwn() -> Int? {
    do {
      try Descriptor.open("/proc/self/oom_score_adj", flags: O_WRONLY).write("\(roostd)")
      return supervisor
    } catch {
      return nil
    }
  }

  /// The file of a sandbox's first process. It stays this process's over the execve.
  static func file(of processID: Int32) throws(SystemError) -> Descriptor {
    try Descriptor.open("/proc/\(processID)/oom_score_adj", flags: O_WRONLY)
  }
}
