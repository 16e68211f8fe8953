import Glibc

/// A tmpfs of limited size for one sandbox's `/tmp`: for hosts that have nothing better. It is charged to the memory limit of whoever
/// writes, and never given back but by deletion.
package struct MemoryVolume: ~Copyable, Sendable {
  private let megabytes: UInt32
  private let anchor: Descriptor

  private static let attributes: MountAttributes = [.noSetUserID, .noDevices, .noAccessTimes]

  package init(megabytes: UInt32) throws(SystemError) {
    self.megabytes = megabytes
    anchor = try Self.make(megabytes)
  }

  /// A detached mount of it. Before Linux 6.15 it cannot be mounted twice: then of a new one, empty.
  package borrowing func mount() throws(SystemError) -> Descriptor {
    do {
      return try DetachedMount.clone(of: anchor, attributes: Self.attributes)
    } catch  where error.errno == EINVAL {
      return try Self.make(megabytes)
    }
  }

  private static func make(_ megabytes: UInt32) throws(SystemError) -> Descriptor {
    try DetachedMount.make(
      type: "tmpfs", source: "tmp",
      options: [
        .value("size", "\(megabytes)m"), .value("mode", "1777"),
        .value("nr_inodes", "\(LoopVolumeTemplate.inodes(megabytes: megabytes))"),
      ], attributes: attributes)
  }
}
