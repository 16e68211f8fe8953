import Glibc
import LinuxSystem
import Synchronization

/// The file system of one `/tmp`, for as long as its environment lives.
package final class Volume: Sendable {
  /// One of those that a host can have.
  enum FileSystem: ~Copyable, Sendable {
    case ext4(LoopVolume)
    case btrfs(BtrfsSubvolume)
    case tmpfs(MemoryVolume)

    borrowing func mount() throws(SystemError) -> Descriptor {
      switch self {
      case .ext4(let volume): try volume.mount()
      case .btrfs(let volume): try volume.mount()
      case .tmpfs(let volume): try volume.mount()
      }
    }
  }

  private struct Contents: ~Copyable, Sendable {
    var volume: FileSystem?
    /// Keeps the file system mounted while no sandbox does. Else the kernel would unmount it in the last moments of PID 1, and whoever
    /// waits for that end would wait for the disk.
    var anchor: Descriptor?
    /// Made beforehand, for the first sandbox.
    var spare: Descriptor?
  }

  private let contents: Mutex<Contents>

  init(_ volume: consuming FileSystem) throws(SystemError) {
    let anchor = try volume.mount()
    let spare = try volume.mount()
    contents = Mutex(Contents(volume: volume, anchor: anchor, spare: spare))
  }

  /// A mount of it that is attached nowhere.
  ///
  /// - Throws: ESTALE after ``close()``.
  func mount() throws(SystemError) -> Descriptor {
    try contents.withLock { contents throws(SystemError) in
      if let spare = contents.spare.take() { return spare }
      switch contents.volume {
      case .some(let volume): return try volume.mount()
      case .none: throw SystemError(call: "mount", object: "closed volume", errno: ESTALE)
      }
    }
  }

  /// Unmounts it and frees its disk space, here and now: on the thread that calls, whoever else still knows this value.
  func close() {
    contents.withLock { contents in
      // The mounts first: what is still mounted cannot all be freed.
      contents.spare = nil
      contents.anchor = nil
      contents.volume = nil
    }
  }
}
