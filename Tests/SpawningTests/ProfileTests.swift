import Glibc
import LinuxSystem
import SpawnProtocol
import Testing

@testable import Spawning

extension HostRing {
  /// What the walls that were put around a working sandbox leave working, and process 1 in it.
  @Suite struct Profile {
    @Test func `a program may do in /tmp whatever programs do`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let report = try session.probe("work", recipe: installation.recipe())
      let deeds = [
        "mkdir", "write", "truncate", "rename across", "link across", "symlink", "fifo", "memfd anew", "socket", "socket connect",
        "abstract",
        "abstract connect", "remove",
      ]
      for deed in deeds { #expect(report[deed] == "ok", "\(deed)") }
      #expect(report["terminal"] == "ENOTTY")
      #expect(report["executed"] == "7", "a script in /tmp that names the probe")
    }

    @Test func `process 1 cannot be seen, read, limited, slowed or ended by those who share its user`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let sandbox = try session.create(1, installation.recipe())
      let report = try sandbox.run(["first"])
      #expect(report["proc 1"] == "ENOENT")
      for file in ["mem", "environ", "fd", "exe", "root", "status"] { #expect(report["/proc/1/\(file)"] == "ENOENT") }
      for deed in ["prlimit 1", "join group", "priority of user", "io priority of user"] { #expect(report[deed] == "EPERM", "\(deed)") }
      for deed in ["madvise 1", "robust list"] { #expect(report[deed] != "ok", "\(deed)") }
      #expect(report["session"] == "1")
      #expect(report.status == .code(0), "and 64 signals later it still reports how its program ended")
      try session.destroy(1)
    }

    @Test func `the limit of core dumps that keeps helpers of the host from being started stays`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let report = try session.probe("first", recipe: installation.recipe())
      #expect(report["lower core limit"] == "ok" && report["lower core limit by prlimit"] == "ok")
      #expect(report["core limit"] == "1")
    }

    @Test func `process 1 is not dumpable, holds its two descriptors alone, and is under the same policy`() throws {
      let installation = try Installation()
      let session = try SpawnerSession(installation)
      defer { session.end() }
      let sandbox = try session.create(1, installation.recipe())
      _ = try sandbox.start(["wait"])
      let process = sandbox.created.hostProcessID
      let links = entries(of: "/proc/\(process)/fd").map { link("/proc/\(process)/fd/\($0.name)") }.sorted()
      #expect(links.count == 2 && links[0] == "anon_inode:[signalfd]" && links[1].hasPrefix("socket:["))
      let status = text("/proc/\(process)/status")
      for line in ["CapBnd:\t0000000000000000", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"] {
        #expect(status.contains(line))
      }
      // What belongs to root of the host, and not to the user of the process, is not dumpable.
      var facts = stat()
      #expect(stat("/proc/\(process)/fd", &facts) == 0 && facts.st_uid == 0)
      try session.destroy(1)
    }
  }
}

private func link(_ path: String) -> String {
  var bytes = [CChar](repeating: 0, count: 256)
  let count = readlink(path, &bytes, bytes.count)
  return String(decoding: bytes.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
}
