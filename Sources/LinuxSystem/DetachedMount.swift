import CLinux
import Glibc

/// What a mount forbids, whatever the file system on it says. mount_setattr(2).
package struct MountAttributes: OptionSet, Sendable, Hashable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let readOnly = MountAttributes(rawValue: UInt32(CLINUX_MOUNT_RDONLY))
  package static let noSetUserID = MountAttributes(rawValue: UInt32(CLINUX_MOUNT_NOSUID))
  package static let noDevices = MountAttributes(rawValue: UInt32(CLINUX_MOUNT_NODEV))
  package static let noExecution = MountAttributes(rawValue: UInt32(CLINUX_MOUNT_NOEXEC))
  package static let noAccessTimes = MountAttributes(rawValue: UInt32(CLINUX_MOUNT_NOATIME))
}

/// Mounts that stand nowhere: they live as long as a descriptor of theirs, and so leave nothing behind when their owner is killed.
package enum DetachedMount {
  /// One option of a file system, as mount(8) writes it after `-o`.
  package enum Option: Sendable, Hashable {
    case flag(String)
    case value(String, String)
  }

  /// fsopen(2), fsconfig(2), fsmount(2): a mount of a file system of `type` as an `O_PATH` descriptor.
  ///
  /// - Throws: what the kernel answered, with its own words where it gives any.
  package static func make(
    type: String, source: String, options: [Option] = [], attributes: MountAttributes
  ) throws(SystemError) -> Descriptor {
    let context = Descriptor(owning: try checked(unsafe clinux_fsopen(type), "fsopen", type))
    for option in [.value("source", source)] + options { try set(option, in: context) }
    let created = clinux_fsconfig_create(context.rawValue)
    if created < 0 {
      throw SystemError(call: "mount \(type)", object: source + reason(in: context), errno: -created)
    }
    return Descriptor(owning: try checked(clinux_fsmount(context.rawValue, attributes.rawValue), "fsmount", source))
  }

  /// open_tree(2): a mount of the directory alone, beside the one that it is reached by.
  ///
  /// - Throws: EINVAL before Linux 6.15 for a directory of a detached mount.
  package static func clone(of directory: borrowing Descriptor, attributes: MountAttributes) throws(SystemError) -> Descriptor {
    Descriptor(owning: try checked(clinux_clone_mount(directory.rawValue, attributes.rawValue), "open_tree", "directory"))
  }

  /// Opens a directory of the mount for use; `.` is its root.
  package static func openDirectory(_ path: String = ".", of mount: borrowing Descriptor) throws(SystemError) -> Descriptor {
    try Descriptor.openBeneath(directory: mount, path: path, flags: O_RDONLY | O_DIRECTORY)
  }

  private static func set(_ option: Option, in context: borrowing Descriptor) throws(SystemError) {
    switch option {
    case .flag(let name):
      let answer = unsafe clinux_fsconfig_flag(context.rawValue, name)
      if answer < 0 { throw SystemError(call: "fsconfig", object: name + reason(in: context), errno: -answer) }
    case .value(let name, let value):
      let answer = unsafe clinux_fsconfig_string(context.rawValue, name, value)
      if answer < 0 { throw SystemError(call: "fsconfig", object: "\(name)=\(value)" + reason(in: context), errno: -answer) }
    }
  }

  /// The kernel's first message in the context, as in `e ext4: Unrecognized mount option`; each read(2) takes one.
  private static func reason(in context: borrowing Descriptor) -> String {
    var message: [UInt8] = []
    // Nothing to read is an error here; then errno has to do.
    guard let outcome = try? context.read(into: &message, upTo: 512), case .bytes = outcome else { return "" }
    return ": " + String(decoding: message, as: UTF8.self).split(separator: "\n").joined()
  }
}

/// How much a file system holds. statfs(2).
package struct FileSystemSpace: Sendable, Hashable {
  package let totalBytes: UInt64
  /// What an ordinary user can still write.
  package let availableBytes: UInt64
  package let totalFiles: UInt64
  package let freeFiles: UInt64
}

extension Descriptor {
  /// The space of the file system that this descriptor is on; also for `O_PATH` and mount descriptors.
  package borrowing func fileSystemSpace() throws(SystemError) -> FileSystemSpace {
    var status = clinux_filesystem()
    try checked(unsafe clinux_fstatfs(rawValue, &status), "fstatfs", "descriptor \(rawValue)")
    return FileSystemSpace(
      totalBytes: status.blocks * status.fragment, availableBytes: status.blocks_available * status.fragment,
      totalFiles: status.files, freeFiles: status.files_free)
  }
}
