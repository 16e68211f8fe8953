import CLinux
import Glibc
import Synchronization

/// Subvolumes of a btrfs with limits on their size: file systems for sandboxes that take a tenth of a millisecond to make.
///
/// The limit is a simple quota (since 6.7). It counts metadata too, so that files without content meet it as well, but there is no limit on
/// their number; and what statfs(2) tells inside is the whole file system. No privilege is needed to make subvolumes in a
/// subvolume, and those would have no limit: whoever gets one must not be able to (Roost's system call policy).
package final class BtrfsVolumes: Sendable {
  private let directory: Descriptor
  /// Of a file system of our own, and what keeps it mounted.
  private let device: LoopDevice?
  private let anchor: Descriptor?
  private let state = Mutex(State())

  private struct State {
    var made: UInt64 = 0
    /// Deleted subvolumes whose quota groups the kernel may have left.
    var deleted: [UInt64] = []
  }

  static let attributes: MountAttributes = [.noSetUserID, .noDevices, .noAccessTimes]

  /// In a directory that is on a btrfs; turns simple quotas on for all of it where it has none.
  ///
  /// - Throws: ENOTTY for another file system, EINVAL before Linux 6.7.
  package init(in directory: borrowing Descriptor) throws(SystemError) {
    try checked(clinux_btrfs_enable_simple_quota(directory.rawValue), "ioctl BTRFS_IOC_QUOTA_CTL", "simple quota")
    self.directory = try directory.duplicate()
    device = nil
    anchor = nil
  }

  /// In a new btrfs of `bytes` on a loop device, its nameless file in `directory`. The file's space is taken now: a btrfs whose device turns
  /// out to have less than it said stops all writing for everybody.
  package init(inFileOf bytes: Int64, in directory: borrowing Descriptor) throws(SystemError) {
    let file = try Descriptor.namelessFile(in: directory)
    try file.allocate(bytes)
    try FileSystemMaker.run("/sbin/mkfs.btrfs", ["-q", "-f", "-K", "-m", "single", "-d", "single"], on: file)
    let device = try LoopDevice(of: file)
    // Freed blocks stay the file's.
    let mount = try DetachedMount.make(
      type: "btrfs", source: device.path, options: [.flag("nodiscard"), .flag("nobarrier")], attributes: Self.attributes)
    let root = try DetachedMount.openDirectory(of: mount)
    try checked(clinux_btrfs_enable_simple_quota(root.rawValue), "ioctl BTRFS_IOC_QUOTA_CTL", "simple quota")
    self.directory = root
    self.device = .some(device)
    anchor = .some(mount)
  }

  package func space() throws(SystemError) -> FileSystemSpace { try directory.fileSystemSpace() }

  /// A new, empty one, mode 1777.
  package func make(megabytes: UInt32) throws(SystemError) -> BtrfsSubvolume {
    let name = state.withLock { state in
      state.made += 1
      return "tmp-\(state.made)"
    }
    try checked(unsafe clinux_btrfs_create(directory.rawValue, name), "ioctl BTRFS_IOC_SUBVOL_CREATE", name)
    do {
      let root = try Descriptor.openBeneath(directory: directory, path: name, flags: O_RDONLY | O_DIRECTORY)
      try root.setMode(0o1777)
      try checked(clinux_btrfs_limit(root.rawValue, UInt64(megabytes) << 20), "ioctl BTRFS_IOC_QGROUP_LIMIT", name)
      var number: UInt64 = 0
      try checked(unsafe clinux_btrfs_identify(root.rawValue, &number), "ioctl BTRFS_IOC_GET_SUBVOL_INFO", name)
      return BtrfsSubvolume(name: name, number: number, volumes: self, root: root)
    } catch {
      // Ours, and empty; the failure above is the one to tell.
      _ = unsafe clinux_btrfs_delete(directory.rawValue, name)
      throw error
    }
  }

  /// A mount of it that is attached nowhere.
  fileprivate func mount(_ name: String, _ root: borrowing Descriptor) throws(SystemError) -> Descriptor {
    guard let path = devicePath else { return try DetachedMount.clone(of: root, attributes: Self.attributes) }
    // Our own file system is mounted nowhere, and what is detached cannot be cloned before 6.15.
    return try DetachedMount.make(
      type: "btrfs", source: path, options: [.value("subvol", name)], attributes: Self.attributes)
  }

  private var devicePath: String? {
    switch device {
    case .some(let device): device.path
    case .none: nil
    }
  }

  fileprivate func delete(_ name: String, number: UInt64) throws(SystemError) {
    try checked(unsafe clinux_btrfs_delete(directory.rawValue, name), "ioctl BTRFS_IOC_SNAP_DESTROY", name)
    let waiting = state.withLock { state in
      defer { state.deleted = [] }
      return state.deleted + [number]
    }
    // EBUSY for those whose content the kernel has not freed yet: they come round again. Newer kernels do it themselves.
    let left = waiting.filter { clinux_btrfs_forget_quota(directory.rawValue, $0) == -EBUSY }
    state.withLock { $0.deleted += left.suffix(1_024) }
  }
}

/// One of ``BtrfsVolumes``; deleted with this value.
package struct BtrfsSubvolume: ~Copyable, Sendable {
  private let name: String
  private let number: UInt64
  private let volumes: BtrfsVolumes
  private let root: Descriptor

  fileprivate init(name: String, number: UInt64, volumes: BtrfsVolumes, root: consuming Descriptor) {
    self.name = name
    self.number = number
    self.volumes = volumes
    self.root = root
  }

  deinit {
    // What cannot be deleted now is swept at the next start.
    try? volumes.delete(name, number: number)
  }

  /// A detached mount of it, `nosuid` and `nodev`.
  package borrowing func mount() throws(SystemError) -> Descriptor { try volumes.mount(name, root) }
}

extension Descriptor {
  /// Deletes the subvolume `name` of this directory with all that is in it.
  ///
  /// - Returns: false where it is no subvolume.
  package borrowing func deleteSubvolume(_ name: String) -> Bool {
    unsafe clinux_btrfs_delete(rawValue, name) == 0
  }
}
