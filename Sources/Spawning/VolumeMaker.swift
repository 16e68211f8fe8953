import Glibc
import LinuxSystem
import Synchronization

/// Makes `/tmp` volumes in the way that the configuration asks for and the host can.
final class VolumeMaker: Sendable {
  private enum Method: Sendable {
    case ext4
    case btrfs(BtrfsVolumes, isOwn: Bool)
    case tmpfs
  }

  private let method: Method
  /// Where backing files or subvolumes are.
  private let directory: Descriptor
  private let reserve: UInt64
  /// One takes 50 ms to make and about 100 KB to keep, and users may ask for thousands of sizes.
  private let templates = Mutex([UInt32: LoopVolumeTemplate]())
  private static let templateLimit = 16

  /// - Throws: when the backend that was asked for by name cannot be had, in words.
  init(_ settings: HostSettings, in directory: borrowing Descriptor) throws(SystemError) {
    self.directory = try directory.duplicate()
    let total = try directory.fileSystemSpace().totalBytes
    // A twentieth is what file systems keep back for root, and for the same reason: so that what must be written can be.
    reserve = settings.diskReserve ?? min(1 << 30, total / 20)
    switch settings.temporaryBackend {
    case .auto: method = Self.bestMethod()
    case .ext4:
      if let obstacle = LoopVolume.obstacle() { throw SystemError(call: "tmp-backend ext4", object: obstacle, errno: ENODEV) }
      method = .ext4
    case .btrfs: method = try Self.btrfs(settings, in: directory)
    case .tmpfs:
      Self.warnOfMemory("as configured")
      method = .tmpfs
    }
  }

  private static func bestMethod() -> Method {
    guard let obstacle = LoopVolume.obstacle() else { return .ext4 }
    warnOfMemory(obstacle)
    return .tmpfs
  }

  private static func warnOfMemory(_ reason: String) {
    note("WARNING: /tmp is in memory (\(reason)): what functions write there counts against their memory size and ends them at it")
  }

  private static func btrfs(_ settings: HostSettings, in directory: borrowing Descriptor) throws(SystemError) -> Method {
    do {
      return .btrfs(try BtrfsVolumes(in: directory), isOwn: false)
    } catch  where error.errno == ENOTTY {
      guard let bytes = settings.diskBudget else {
        throw SystemError(
          call: "tmp-backend btrfs",
          object: "the state directory is on another file system, and only disk-budget says how large a file to make",
          errno: EINVAL)
      }
      return .btrfs(try BtrfsVolumes(inFileOf: bytes, in: directory), isOwn: true)
    }
  }

  /// On whatever thread wants it; may take long.
  func make(megabytes: UInt32) throws(SystemError) -> Volume {
    switch method {
    case .ext4: try Volume(.ext4(LoopVolume(template(megabytes), in: directory)))
    case .btrfs(let volumes, _): try Volume(.btrfs(volumes.make(megabytes: megabytes)))
    case .tmpfs: try Volume(.tmpfs(MemoryVolume(megabytes: megabytes)))
    }
  }

  /// Sparse volumes cannot grow on a disk that is full, and then writing fails in those that are in use: below the reserve there shall be
  /// no more of them.
  ///
  /// - Throws: ENOSPC.
  func checkSpace() throws(SystemError) {
    let space: FileSystemSpace
    switch method {
    case .tmpfs: return
    case .btrfs(let volumes, isOwn: true): space = try volumes.space()
    case .ext4, .btrfs: space = try directory.fileSystemSpace()
    }
    // A file system of our own needs no reserve but against its own end.
    let reserve = if case .btrfs(_, isOwn: true) = method { min(reserve, space.totalBytes / 20) } else { reserve }
    guard space.availableBytes >= reserve else {
      throw SystemError(
        call: "reserve", object: "disk space for /tmp: \(space.availableBytes >> 20) MB free, \(reserve >> 20) MB are kept back",
        errno: ENOSPC)
    }
  }

  private func template(_ megabytes: UInt32) throws(SystemError) -> LoopVolumeTemplate {
    if let template = templates.withLock({ $0[megabytes] }) { return template }
    let template = try LoopVolumeTemplate.make(megabytes: megabytes, in: directory)
    templates.withLock { templates in
      if templates.count >= Self.templateLimit { templates = templates.filter { $0.key == VolumeDemand.everybodys } }
      templates[megabytes] = template
    }
    return template
  }
}
