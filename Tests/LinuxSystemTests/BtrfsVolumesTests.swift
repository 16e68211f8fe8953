import Glibc
import LinuxSystem
import Testing

/// On a file system of their own in a loop file.
@Suite(.serialized, .requires(.root, .loopDevices, .program("/sbin/mkfs.btrfs"), .simpleQuotas))
struct BtrfsVolumesTests {
  private func withVolumes(_ body: (BtrfsVolumes, borrowing Descriptor) throws -> Void) throws {
    try withScratchDirectory { path in
      let directory = try Descriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
      try body(try BtrfsVolumes(inFileOf: 1 << 30, in: directory), directory)
    }
  }

  private func fill(_ mount: borrowing Descriptor, _ name: String, megabytes: Int) throws -> (written: Int, refused: Int32) {
    let file = try Descriptor.openBeneath(directory: mount, path: name, flags: O_WRONLY | O_CREAT, mode: 0o600)
    let block = [UInt8](repeating: 1, count: 1 << 20)
    var written = 0
    let refused = try refusal {
      while written < megabytes << 20 { written += try #require(try file.write(block[...])) }
    }
    return (written, refused)
  }

  @Test func `a volume holds what was asked for and no more, and its neighbour has all of its own`() throws {
    try withVolumes { volumes, _ in
      let first = try volumes.make(megabytes: 64)
      let second = try volumes.make(megabytes: 64)
      let outcome = try fill(first.mount(), "file", megabytes: 80)
      #expect(outcome.refused == EDQUOT)
      #expect((60 << 20)...(64 << 20) ~= outcome.written)
      #expect(try fill(second.mount(), "file", megabytes: 60).refused == 0)
    }
  }

  @Test func `files without content meet the limit too`() throws {
    try withVolumes { volumes, _ in
      let volume = try volumes.make(megabytes: 16)
      let mount = try volume.mount()
      var made = 0
      let refused = try refusal {
        while made < 200_000 {
          _ = try Descriptor.openBeneath(directory: mount, path: "empty-\(made)", flags: O_WRONLY | O_CREAT, mode: 0o600)
          made += 1
        }
      }
      #expect(refused == EDQUOT)
      #expect(made > 1_000)
    }
  }

  @Test func `a volume begins empty, with mode 1777 and a mount that is nosuid and nodev`() throws {
    try withVolumes { volumes, _ in
      let volume = try volumes.make(megabytes: 64)
      let root = try DetachedMount.openDirectory(of: volume.mount())
      #expect(try root.entries().isEmpty)
      var status = stat()
      #expect(unsafe fstat(root.rawValue, &status) == 0 && status.st_mode & 0o7777 == 0o1777 && status.st_uid == 0)
      var mounted = statvfs()
      #expect(unsafe fstatvfs(root.rawValue, &mounted) == 0)
      #expect(mounted.f_flag & UInt(ST_NOSUID) != 0 && mounted.f_flag & 4 != 0)  // ST_NODEV
    }
  }

  @Test func `a second mount shows what the first one left, and nothing above it`() throws {
    try withVolumes { volumes, _ in
      let volume = try volumes.make(megabytes: 64)
      _ = try fill(volume.mount(), "kept", megabytes: 1)
      let other = try volumes.make(megabytes: 64)
      let mount = try volume.mount()
      #expect(try DetachedMount.openDirectory(of: mount).entries().map(\.name) == ["kept"])
      let above = try Descriptor.openBeneath(directory: mount, path: ".", flags: O_RDONLY | O_DIRECTORY)
      let parent = Descriptor(owning: unsafe openat(above.rawValue, "..", O_RDONLY | O_DIRECTORY))
      #expect(try parent.entries().map(\.name) == ["kept"])
      withExtendedLifetime(consume other) {}
    }
  }

  @Test func `the space of a volume that is gone is free again`() throws {
    try withVolumes { volumes, _ in
      let before = try volumes.space().availableBytes
      do {
        let volume = try volumes.make(megabytes: 256)
        let mount = try volume.mount()
        _ = try fill(mount, "file", megabytes: 200)
        sync()
        #expect(try volumes.space().availableBytes < before - 150 << 20)
      }
      // The kernel's cleaner comes with the next commit, every 30 s or when somebody asks.
      #expect(
        try eventually(within: .seconds(60)) {
          sync()
          return try volumes.space().availableBytes > before - 50 << 20
        })
    }
  }

  @Test func `the space is taken beforehand, and nothing has a name`() throws {
    try withScratchDirectory { path in
      let directory = try Descriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
      #expect(try refusal { _ = try BtrfsVolumes(inFileOf: 1 << 50, in: directory) } != 0)
      #expect(try directory.entries().isEmpty)
      let volumes = try BtrfsVolumes(inFileOf: 256 << 20, in: directory)
      #expect(try directory.entries().isEmpty)
      withExtendedLifetime(volumes) {}
    }
  }

  @Test func `another file system is told by ENOTTY`() throws {
    try withScratchDirectory { path in
      let directory = try Descriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
      #expect(try refusal { _ = try BtrfsVolumes(in: directory) } == ENOTTY)
    }
  }
}
