import LinuxSystem

/// The file system of one `/tmp`, for as long as its environment lives; goes with its last reference.
package final class Volume: Sendable {
  private let volume: LoopVolume

  init(in directory: borrowing Descriptor, megabytes: UInt32) throws(SystemError) {
    volume = try LoopVolume.make(in: directory, megabytes: megabytes)
  }

  /// A mount of it, attached nowhere.
  func mount() throws(SystemError) -> Descriptor { try volume.mount() }
}
