import LinuxSystem
import Synchronization

/// The file system of one `/tmp`, for as long as its environment lives; goes with its last reference.
package final class Volume: Sendable {
  private let volume: LoopVolume
  /// Keeps the file system mounted while no sandbox does, and makes the end of this value the end of it: else the kernel would unmount it
  /// in the last moments of PID 1, and whoever waits for that would wait for the disk.
  private let anchor: Descriptor
  private let spare: Mutex<Descriptor?>

  init(_ template: LoopVolumeTemplate, in directory: borrowing Descriptor) throws(SystemError) {
    volume = try LoopVolume(template, in: directory)
    anchor = try volume.mount()
    spare = Mutex(try volume.mount())
  }

  /// A mount of it that is attached nowhere: one made beforehand, then others.
  func mount() throws(SystemError) -> Descriptor {
    if let ready = spare.withLock({ $0.take() }) { return ready }
    return try volume.mount()
  }
}
