import CLinux
import Glibc

/// An empty ext4 file system of a certain size, as the few blocks of it that are not zero: what every ``LoopVolume`` begins with.
///
/// Made once per size by mke2fs, without a journal (the content never outlives its user), without reserved blocks, with a root directory
/// as `/tmp` has it (mode 1777, no `lost+found`) and a bounded number of inodes. About 100 KB.
package struct LoopVolumeTemplate: Sendable {
  struct Extent: Sendable {
    let offset: Int64
    var bytes: [UInt8]
  }

  package let megabytes: UInt32
  let imageBytes: Int64
  let extents: [Extent]

  private static let blockSize = 4_096

  /// Runs `/sbin/mke2fs` on a nameless file in `directory`, mounts the result once, and reads it back; takes about 50 ms.
  ///
  /// - Throws: beside what the calls answer, ENOSPC if the file system has less than `megabytes` available.
  package static func make(megabytes: UInt32, in directory: borrowing Descriptor) throws(SystemError) -> LoopVolumeTemplate {
    let geometry = Geometry(megabytes: megabytes)
    let file = try Descriptor.namelessFile(in: directory)
    try file.setLength(geometry.imageBytes)
    try makeFileSystem(on: file, inodes: geometry.inodes)
    try prepare(file, megabytes: megabytes)
    return LoopVolumeTemplate(megabytes: megabytes, imageBytes: geometry.imageBytes, extents: try extents(of: file))
  }

  /// One inode per 16 KB, as many as ext4 gives by default, but never more than 32 MB of them.
  static func inodes(megabytes: UInt32) -> Int64 { min(Int64(megabytes) * 64, 131_072) }

  /// How large the image must be for so much usable space.
  private struct Geometry {
    let inodes: Int64
    let imageBytes: Int64

    init(megabytes: UInt32) {
      inodes = LoopVolumeTemplate.inodes(megabytes: megabytes)
      let usable = Int64(megabytes) << 20
      let inodeTables = (inodes * 256) * 102 / 100  // Rounded up in every block group.
      let groups = usable / (128 << 20) + 2
      // ext4 keeps 2 % but at most 4096 blocks for itself (ext4_calculate_resv_clusters).
      let reserve = min((usable + inodeTables) / 49, Int64(4_096 * blockSize))
      let total = usable + inodeTables + groups * Int64(4 * blockSize) + reserve + (1 << 18)
      imageBytes = (total + Int64(blockSize) - 1) / Int64(blockSize) * Int64(blockSize)
    }
  }

  private static func makeFileSystem(on file: borrowing Descriptor, inodes: Int64) throws(SystemError) {
    // Every feature is named, so that the host's mke2fs.conf has no say. No checksums: the content is not kept. The file is new, so
    // its zeros need not be written, and ext4 need not write them later in the background.
    try FileSystemMaker.run(
      "/sbin/mke2fs",
      [
        "-q", "-F", "-t", "ext4", "-b", "\(blockSize)", "-I", "256", "-N", "\(inodes)", "-m", "0", "-e", "continue",
        "-O", "none,ext_attr,dir_index,filetype,extent,flex_bg,sparse_super,large_file,huge_file,uninit_bg,dir_nlink,extra_isize",
        "-E", "lazy_itable_init=1,assume_storage_prezeroed=1,nodiscard,root_owner=0:0",
      ], on: file)
  }

  /// Gives the root directory its final state, and checks the space, where only the kernel can: in the mounted file system.
  private static func prepare(_ file: borrowing Descriptor, megabytes: UInt32) throws(SystemError) {
    let device = try LoopDevice(of: file)
    let mount = try LoopVolume.mount(device)
    let root = try DetachedMount.openDirectory(of: mount)
    try checked(clinux_fchmod(root.rawValue, 0o1777), "fchmod", "volume root")
    try root.remove("lost+found", isDirectory: true)
    guard try mount.fileSystemSpace().availableBytes >= UInt64(megabytes) << 20 else {
      throw SystemError(call: "mke2fs", object: "\(megabytes) MB volume", errno: ENOSPC)
    }
    // Writes everything to the device, hence to the file; what is unmounted later is clean.
    try checked(clinux_syncfs(root.rawValue), "syncfs", "volume")
  }

  /// The blocks that are not zero, neighbours joined.
  private static func extents(of file: borrowing Descriptor) throws(SystemError) -> [Extent] {
    var extents: [Extent] = []
    var offset: Int64 = 0
    while let block = try nextBlock(of: file, from: &offset) {
      guard block.bytes.contains(where: { $0 != 0 }) else { continue }
      if let last = extents.last, last.offset + Int64(last.bytes.count) == block.offset {
        extents[extents.count - 1].bytes += block.bytes
      } else {
        extents.append(block)
      }
    }
    return extents
  }

  /// The block at `offset`, or if that lies in a hole the first one after it; moves `offset` behind it. `nil` when only a hole is left.
  private static func nextBlock(of file: borrowing Descriptor, from offset: inout Int64) throws(SystemError) -> Extent? {
    let start = clinux_next_data(file.rawValue, offset)
    if start == -Int64(ENXIO) { return nil }
    offset = try checked(start, "lseek SEEK_DATA", "volume template")
    var answer = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: blockSize) { buffer, count in
      answer = unsafe clinux_pread(file.rawValue, buffer.baseAddress, blockSize, offset)
      count = max(0, answer)
    }
    try checked(answer, "pread", "volume template")
    defer { offset += Int64(blockSize) }
    return Extent(offset: offset, bytes: bytes)
  }
}
