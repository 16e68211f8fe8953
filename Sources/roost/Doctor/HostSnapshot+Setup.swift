import FunctionModel
import LinuxSystem

extension HostSnapshot {
  /// Room for an image, some code and a few /tmp volumes; below it the table warns.
  static let comfortableBytes: Int64 = 2 << 30

  var filesystemFindings: [Finding] {
    [filesystem("overlay"), filesystem("ext4"), loopFinding, toolFinding, temporaryFinding]
  }

  var setupFindings: [Finding] {
    [userFinding, diskFinding, runtimeFinding, daemonFinding]
  }

  private func filesystem(_ type: String) -> Finding {
    let name = "\(type) file system"
    // The last word of each line is the type; "nodev" may stand before it.
    if filesystems.split(separator: "\n").contains(where: { $0.split(whereSeparator: \.isWhitespace).last == Substring(type) }) {
      return .ok(name, "in the kernel")
    }
    if modules.contains("/\(type).ko") { return .ok(name, "loadable module") }
    return .missing(name, "none", remedy: "modprobe \(type), or a kernel with it")
  }

  private var loopFinding: Finding {
    hasLoopControl || modules.contains("/loop.ko")
      ? .ok("loop devices", hasLoopControl ? "/dev/loop-control" : "loadable module")
      : .missing("loop devices", "no /dev/loop-control", remedy: "modprobe loop")
  }

  private var toolFinding: Finding {
    makeFilesystem.map { .ok("mke2fs", $0) } ?? .missing("mke2fs", "not found", remedy: "apt-get install e2fsprogs")
  }

  /// What `tmp-backend: auto` will find.
  private var temporaryFinding: Finding {
    [filesystem("ext4"), loopFinding, toolFinding].allSatisfy { $0.verdict == .ok }
      ? .ok("/tmp on disk", "ext4 on loop devices")
      : .substitute(
        "/tmp on disk", "cannot be", instead: "tmpfs: WARNING: it counts as memory",
        remedy: "what is missing above, or tmp-backend: btrfs")
  }

  private var userFinding: Finding {
    daemonUser.map { .ok("user roost", "uid \($0.userID), gid \($0.groupID)") }
      ?? .missing("user roost", "none", remedy: "useradd --system --home-dir / --shell /usr/sbin/nologin roost")
  }

  private var diskFinding: Finding {
    guard let freeBytes else { return .missing("disk space", "cannot tell", remedy: "df \(stateDirectory)") }
    let found = "\(HumanUnits.size(bytes: freeBytes)) free for \(stateDirectory)"
    return freeBytes >= Self.comfortableBytes
      ? .ok("disk space", found) : .missing("disk space", found, remedy: "free some, or use --state-dir elsewhere")
  }

  private var runtimeFinding: Finding {
    // The daemon may have been started with another directory than this program looks into.
    let runtimes = daemon.map(\.runtimes) ?? runtimes
    return runtimes.isEmpty
      ? .missing("runtime images", "none in \(runtimesDirectory)", remedy: "sudo tools/build-rootfs python3.11 provided.al2023")
      : .ok("runtime images", runtimes.joined(separator: ", "))
  }

  private var daemonFinding: Finding {
    daemon.map { .ok("daemon", "\($0.version) at \($0.endpoint)") }
      ?? .substitute("daemon", "does not answer", instead: nil, remedy: "sudo roostd --state-dir \(stateDirectory)")
  }
}
