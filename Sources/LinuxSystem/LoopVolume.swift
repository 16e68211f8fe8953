import CLinux
import Glibc

/// A file system of limited size on disk, for one sandbox's `/tmp`: ext4 in a nameless file on a loop device.
///
/// Its space is charged to nobody's memory but as reclaimable cache. Nothing of it has a name: when this value and all mounts of it are
/// gone, by whatever end, device and file are gone too, and the disk space is back.
package struct LoopVolume: ~Copyable, Sendable {
  private let device: LoopDevice

  /// Why this host cannot have such volumes, in words; `nil` when it can. May load kernel modules.
  package static func obstacle() -> String? {
    if unsafe access("/sbin/mke2fs", X_OK) != 0 { return "no /sbin/mke2fs (apt-get install e2fsprogs)" }
    let context = unsafe clinux_fsopen("ext4")
    guard context >= 0 else { return "no ext4 in the kernel (modprobe ext4)" }
    _ = Descriptor(owning: context)
    let control = unsafe clinux_open("/dev/loop-control", O_RDWR, 0)
    guard control >= 0 else { return "no /dev/loop-control (modprobe loop)" }
    _ = Descriptor(owning: control)
    return nil
  }

  /// Makes a volume as the template says, its file in `directory`.
  package init(_ template: LoopVolumeTemplate, in directory: borrowing Descriptor) throws(SystemError) {
    let file = try Descriptor.namelessFile(in: directory)
    try file.setLength(template.imageBytes)
    for extent in template.extents { try file.write(extent.bytes, at: extent.offset) }
    device = try LoopDevice(of: file)
  }

  /// As in `/dev/loop7`.
  package var devicePath: String { device.path }

  package var usesDirectIO: Bool { device.usesDirectIO }

  /// A detached mount, `nosuid` and `nodev`. Again for the next sandbox after a reset: the content is that of the device.
  package borrowing func mount() throws(SystemError) -> Descriptor {
    try Self.mount(device)
  }

  static func mount(_ device: borrowing LoopDevice) throws(SystemError) -> Descriptor {
    try DetachedMount.make(
      type: "ext4", source: device.path,
      options: [
        .flag("discard"),  // Freed blocks become holes in the file again.
        .flag("nobarrier"),  // Nothing here is read after a power cut.
        .value("errors", "continue"),
      ], attributes: [.noSetUserID, .noDevices, .noAccessTimes])
  }
}
