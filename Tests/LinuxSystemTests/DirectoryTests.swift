import Glibc
import LinuxSystem
import Testing

@Suite struct DirectoryTests {
  @Test func `a made directory has the mode asked for, whatever the umask, and its owner`() throws {
    try withScratchDirectory { path in
      let directory = try Descriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
      let owner = UserAccount(userID: getuid(), groupID: getgid())
      try directory.makeDirectory("open", mode: 0o1777, owner: owner)
      var status = stat()
      #expect(unsafe stat(path + "/open", &status) == 0)
      #expect(status.st_mode & 0o7777 == 0o1777)
      #expect(status.st_uid == getuid())
      #expect(try refusal { _ = try directory.makeDirectory("open", mode: 0o700) } == EEXIST)
      _ = try directory.makeDirectory("open", mode: 0o700, orOpen: true)
      #expect(unsafe stat(path + "/open", &status) == 0)
      #expect(status.st_mode & 0o7777 == 0o700)
    }
  }

  @Test func `a listing has every name once, again and again`() throws {
    try withScratchDirectory { path in
      let directory = try Descriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
      let names = (0..<1_000).map { "a file with a rather long name, number \($0)" }
      for name in names { _ = try Descriptor.openBeneath(directory: directory, path: name, flags: O_CREAT, mode: 0o600) }
      try directory.makeDirectory("d", mode: 0o700)
      #expect(unsafe symlink("d", path + "/l") == 0)
      for _ in 0..<2 {
        let entries = try directory.entries()
        #expect(entries.count == 1_002)
        #expect(Set(entries.filter { $0.kind == .regular }.map(\.name)) == Set(names))
        #expect(entries.filter { $0.kind == .directory }.map(\.name) == ["d"])
        #expect(entries.filter { $0.kind == .link }.map(\.name) == ["l"])
      }
    }
  }

  @Test func `removing a tree follows no link and minds no odd name`() throws {
    try withScratchDirectory { path in
      let directory = try Descriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
      let kept = try directory.makeDirectory("kept", mode: 0o700)
      _ = try Descriptor.openBeneath(directory: kept, path: "file", flags: O_CREAT, mode: 0o600)
      let tree = try directory.makeDirectory("tree", mode: 0o700)
      try tree.makeDirectory("inner", mode: 0)
      #expect(unsafe symlink("../kept", path + "/tree/link") == 0)
      let odd: [CChar] = Array((path + "/tree/").utf8CString.dropLast()) + [-1, -2, 0]
      #expect(unsafe mkdir(odd, 0o700) == 0)
      try directory.removeTree("tree")
      try directory.removeTree("tree")
      #expect(try directory.entries().map(\.name) == ["kept"])
      #expect(try kept.entries().map(\.name) == ["file"])
    }
  }

  @Test func `a tree is removed that is deeper than there may be descriptors, with what lies beside its depths`() throws {
    try withScratchDirectory { path in
      let directory = try Descriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
      var level = try directory.makeDirectory("tree", mode: 0o700)
      // Such names are what too deep ones are moved to.
      try level.makeDirectory(".too-deep-1", mode: 0o700).makeDirectory("full", mode: 0o700)
      _ = try Descriptor.openBeneath(directory: level, path: ".too-deep-2", flags: O_CREAT, mode: 0o600)
      for number in 0..<2_000 {
        _ = try Descriptor.openBeneath(directory: level, path: "file", flags: O_CREAT, mode: 0o600)
        if number % 100 == 0 { try level.makeDirectory("beside", mode: 0o700).makeDirectory("inner", mode: 0o700) }
        level = try level.makeDirectory("d", mode: 0o700)
      }
      let before = try Descriptor.open("/proc/self/fd", flags: O_RDONLY | O_DIRECTORY).entries().count
      try directory.removeTree("tree")
      #expect(try directory.entries().isEmpty)
      #expect(try Descriptor.open("/proc/self/fd", flags: O_RDONLY | O_DIRECTORY).entries().count <= before)
    }
  }

  @Test func `a lock has one holder, and goes with it`() throws {
    try withScratchDirectory { path in
      let directory = try Descriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
      let holder = try LockFile.acquire(in: directory, name: "lock")
      #expect(try isRefusedToAChild(in: directory))
      _ = consume holder
      #expect(try !isRefusedToAChild(in: directory))
    }
  }

  @Test func `users are found by name`() throws {
    #expect(try UserAccount.named("root") == UserAccount(userID: 0, groupID: 0))
    #expect(try UserAccount.named("no-such-user-here") == nil)
  }

  /// Whether another process is told who holds the lock: it is of no account within one.
  private func isRefusedToAChild(in directory: borrowing Descriptor) throws -> Bool {
    let script = """
      import fcntl, sys
      try: fcntl.lockf(open(sys.argv[1], "w"), fcntl.LOCK_EX | fcntl.LOCK_NB)
      except BlockingIOError: sys.exit(1)
      """
    let process = try ChildProcess(
      program: "/usr/bin/python3", arguments: ["-c", script, "/proc/\(getpid())/fd/\(directory.rawValue)/lock"])
    return try process.wait() == .code(1)
  }
}
