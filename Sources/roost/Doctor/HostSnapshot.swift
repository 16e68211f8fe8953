import FunctionModel
import LinuxSystem

/// What `roost doctor` reads of a host, as the host gave it: the judgement over it is pure, and tests keep snapshots of other hosts.
struct HostSnapshot: Sendable {
  /// `/proc/sys/kernel/osrelease`
  var kernelRelease = ""
  /// `/proc/self/mountinfo`
  var mountInfo = ""
  /// `cgroup.controllers` of the v2 tree's root; empty without one.
  var unifiedControllers = ""
  /// File names in some group beneath the v2 tree's root (the root itself lacks most); `nil` when there is no such group.
  var unifiedGroupFiles: Set<String>?
  /// Names in `/proc/self/ns`.
  var namespaces: Set<String> = []
  /// Whole numbers of `/proc/sys`, by name as in `user.max_user_namespaces`; a file that is not there has no entry.
  var settings: [String: Int] = [:]
  /// `/proc/filesystems`
  var filesystems = ""
  /// `modules.dep` and `modules.builtin` of the running kernel, which tell what could be loaded.
  var modules = ""
  /// `/proc/sys/kernel/seccomp/actions_avail`
  var seccompActions = ""
  var systemCalls: Set<SystemCallProbe> = []
  /// ABI of the kernel's Landlock; `nil` where there is none.
  var landlockVersion: Int?
  var hasLoopControl = false
  /// Where mke2fs(8) is.
  var makeFilesystem: String?
  /// Where nft(8) is; roostd runs it from there alone.
  var packetFilterProgram: String?
  var packetFilter = PacketFilterState.refused("not asked")
  var stateDirectory = ""
  /// What an unprivileged user may still write on the state directory's file system, or on that where it would be made.
  var freeBytes: Int64?
  var daemonUser: UserAccount?
  var runtimesDirectory = ""
  /// Finished images in it, sorted.
  var runtimes: [String] = []
  /// `nil` when no daemon answers.
  var daemon: HostFacts?

  /// All lines of the table, in its order.
  var findings: [Finding] {
    kernelFindings + controlGroupFindings + filesystemFindings + networkFindings + setupFindings
  }
}
