import Glibc
import LinuxSystem
import Testing

@Suite(.serialized, .requires(.root, .loopDevices, .program("/sbin/mke2fs")))
struct LoopVolumeTests {
  @Test(arguments: [512, 513, 1_024, 10_240] as [UInt32])
  func `a volume holds what was asked for, and little more`(megabytes: UInt32) throws {
    try withScratchDirectory { path in
      let directory = try Descriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
      let volume = try LoopVolume(LoopVolumeTemplate.make(megabytes: megabytes, in: directory), in: directory)
      let mount = try volume.mount()
      let space = try mount.fileSystemSpace()
      let asked = UInt64(megabytes) << 20
      #expect((asked...(asked + 4 << 20)) ~= space.availableBytes)
      #expect(space.totalBytes >= asked)
      #expect(space.freeFiles >= UInt64(min(megabytes * 64, 131_072)) - 16)

      let root = try DetachedMount.openDirectory(of: mount)
      #expect(try root.entries().isEmpty)
      #expect(try directory.entries().isEmpty)
      var status = stat()
      #expect(unsafe fstat(root.rawValue, &status) == 0)
      #expect(status.st_mode & 0o7777 == 0o1777)
      #expect(status.st_uid == 0 && status.st_gid == 0)
      var mounted = statvfs()
      #expect(unsafe fstatvfs(root.rawValue, &mounted) == 0)
      #expect(mounted.f_flag & UInt(ST_NOSUID) != 0)
      #expect(mounted.f_flag & 4 != 0)  // ST_NODEV
      #expect(mounted.f_flag & 8 == 0)  // ST_NOEXEC
    }
  }

  @Test func `all of it can be taken, and then the answer is ENOSPC`() throws {
    try withVolume { volume in
      let mount = try volume.mount()
      let file = try Descriptor.openBeneath(directory: mount, path: "file", flags: O_RDWR | O_CREAT, mode: 0o600)
      #expect(posix_fallocate(file.rawValue, 0, 512 << 20) == 0)
      let rest = try Descriptor.openBeneath(directory: mount, path: "rest", flags: O_RDWR | O_CREAT, mode: 0o600)
      let block = [UInt8](repeating: 1, count: 1 << 20)
      let refused = try refusal {
        for _ in 0..<64 {
          var written = 0
          while written < block.count { written += try rest.write(block[written...])! }
        }
      }
      #expect(refused == ENOSPC)
    }
  }

  @Test func `a second mount shows what the first one left`() throws {
    try withVolume { volume in
      do {
        let mount = try volume.mount()
        let file = try Descriptor.openBeneath(directory: mount, path: "kept", flags: O_WRONLY | O_CREAT, mode: 0o600)
        try file.write("content")
      }
      let mount = try volume.mount()
      let file = try Descriptor.openBeneath(directory: mount, path: "kept", flags: O_RDONLY)
      #expect(try file.readText() == "content")
    }
  }

  @Test func `every volume begins empty`() throws {
    try withVolume { first in
      let mount = try first.mount()
      _ = try Descriptor.openBeneath(directory: mount, path: "mine", flags: O_WRONLY | O_CREAT, mode: 0o600)
      try withVolume { second in
        let root = try DetachedMount.openDirectory(of: second.mount())
        #expect(try root.entries().isEmpty)
      }
    }
  }

  @Test func `disk space is taken when it is used, and is back when files or the volume are gone`() throws {
    // One volume is the disk of another, so that nobody else's files are in the count.
    try withVolume(megabytes: 1_024) { disk in
      let mount = try disk.mount()
      let directory = try DetachedMount.openDirectory(of: mount)
      let empty = try mount.fileSystemSpace().availableBytes
      let used = { try Int64(empty) - Int64(mount.fileSystemSpace().availableBytes) }
      do {
        let volume = try LoopVolume(LoopVolumeTemplate.make(megabytes: 512, in: directory), in: directory)
        let inner = try volume.mount()
        #expect(try used() < 2 << 20)
        do {
          let file = try Descriptor.openBeneath(directory: inner, path: "file", flags: O_WRONLY | O_CREAT, mode: 0o600)
          let block = [UInt8](repeating: 1, count: 1 << 20)
          for _ in 0..<40 { try #require(try file.write(block[...]) == block.count) }
          #expect(fsync(file.rawValue) == 0)
          #expect(try used() > 40 << 20)
        }
        let root = try DetachedMount.openDirectory(of: inner)
        try root.remove("file")
        #expect(try eventually { try used() < 4 << 20 })
        let file = try Descriptor.openBeneath(directory: inner, path: "file", flags: O_WRONLY | O_CREAT, mode: 0o600)
        #expect(posix_fallocate(file.rawValue, 0, 40 << 20) == 0)
      }
      #expect(try eventually { try used() < 1 << 16 })
    }
  }

  @Test func `direct I/O is used where the file system has it`() throws {
    try withScratchDirectory { path in
      let directory = try Descriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
      let file = try Descriptor.openBeneath(directory: directory, path: "f", flags: O_RDWR | O_CREAT, mode: 0o600)
      try file.setLength(1 << 20)
      let direct: Int32 = 0o40000  // O_DIRECT, which Glibc does not show; a file system without it refuses here.
      let hasDirectIO = try refusal { _ = try Descriptor.open(path + "/f", flags: O_RDWR | direct) } == 0
      #expect(try LoopDevice(of: file).usesDirectIO == hasDirectIO)
    }
  }

  @Test func `a killed owner leaves no device, no mount and no file`() async throws {
    let path = "/tmp/roost-test-killed-\(getpid())"
    try #require(unsafe mkdir(path, 0o700) == 0)
    defer { _ = unsafe rmdir(path) }
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
      let directory = try Descriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
      let volume = try LoopVolume(LoopVolumeTemplate.make(megabytes: 512, in: directory), in: directory)
      let mount = try volume.mount()
      _ = try Descriptor.openBeneath(directory: mount, path: "file", flags: O_WRONLY | O_CREAT, mode: 0o600)
      let stands = try loopFiles().contains { $0.hasPrefix(path) }
      precondition(stands, "nothing to leave behind")
      kill(getpid(), SIGKILL)
    }
    #expect(try eventually { try !loopFiles().contains { $0.hasPrefix(path) } })
    #expect(try Descriptor.open(path, flags: O_RDONLY | O_DIRECTORY).entries().isEmpty)
  }

  private func withVolume(megabytes: UInt32 = 512, _ body: (borrowing LoopVolume) throws -> Void) throws {
    try withScratchDirectory { path in
      let directory = try Descriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
      try body(LoopVolume(LoopVolumeTemplate.make(megabytes: megabytes, in: directory), in: directory))
    }
  }
}

/// The files behind all loop devices of this host.
func loopFiles() throws -> [String] {
  let devices = try Descriptor.open("/sys/block", flags: O_RDONLY | O_DIRECTORY).entries().map(\.name)
  return devices.filter { $0.hasPrefix("loop") }.compactMap { name in
    // Absent for a device that has none, or none any more.
    try? Descriptor.open("/sys/block/\(name)/loop/backing_file", flags: O_RDONLY).readText()
  }
}
