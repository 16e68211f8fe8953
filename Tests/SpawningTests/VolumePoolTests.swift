import Glibc
import LinuxSystem
import Testing

@testable import Spawning

extension HostRing {
  @Suite struct Volumes {
    /// A pool on a loop of its own, which the test turns by hand.
    private final class Bench {
      let installation: Installation
      let loop: EventLoop
      let pool: VolumePool

      init(_ change: (inout HostSettings) -> Void = { _ in }) throws {
        installation = try Installation()
        try run("/bin/mkdir", ["-p", "\(installation.stateDirectory)/volumes", "\(installation.stateDirectory)/artifacts"])
        var settings = installation.settings
        change(&settings)
        let groups = try ControlGroupTree(
          layout: try ControlGroupLayout.detect(), name: ControlGroupTree.name(forStateDirectory: settings.stateDirectory))
        let state = try Descriptor.open(settings.stateDirectory, flags: O_RDONLY | O_DIRECTORY)
        let host = try SandboxHost(
          settings: settings, state: state, initProgram: "\(installation.programs)/roost-init", controlGroups: groups)
        loop = try EventLoop()
        pool = try VolumePool(host: host, loop: loop)
      }

      deinit { pool.close() }

      /// Turns the loop until `condition` holds, at most for 20 s.
      func turn(until condition: @escaping () -> Bool) throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(20)
        while !condition() {
          guard ContinuousClock.now < deadline else { return false }
          loop.after(.milliseconds(5)) { [loop] in loop.stop() }
          try loop.run()
        }
        return true
      }

      func take(_ megabytes: UInt32) throws -> Volume {
        var outcome: Result<Volume, SystemError>?
        _ = pool.take(megabytes: megabytes) { outcome = $0 }
        #expect(try turn { outcome != nil })
        return try #require(outcome).get()
      }
    }

    @Test func `a size that was asked for is ready the next time, beside the default one`() throws {
      let bench = try Bench()
      #expect(try bench.turn { bench.pool.readyCount() == 1 })
      #expect(bench.pool.readyCount(megabytes: 1_024) == 0)
      bench.pool.drop(try bench.take(1_024))
      #expect(try bench.turn { bench.pool.readyCount(megabytes: 1_024) == 1 && bench.pool.readyCount() == 1 })
      var isThere = false
      _ = bench.pool.take(megabytes: 1_024) { outcome in
        if case .success(let volume) = outcome {
          isThere = true
          bench.pool.drop(volume)
        }
      }
      #expect(isThere, "without turning the loop")
    }

    @Test func `orders that nobody waits for any more are not carried out`() throws {
      let bench = try Bench { $0.volumePool = 0 }
      var answers = 0
      let tickets = (0..<50).compactMap { _ in bench.pool.take(megabytes: 2_048) { _ in answers += 1 } }
      #expect(tickets.count == 50)
      for ticket in tickets { bench.pool.cancel(ticket) }
      // Behind whatever the workshop had begun: when this one is there, all else is done or was never begun.
      bench.pool.drop(try bench.take(512))
      #expect(answers == 0)
      #expect(try bench.turn { (try? bench.installation.traces().loopDevices) == 0 })
      // Once more, in vain.
      for ticket in tickets { bench.pool.cancel(ticket) }
      #expect(bench.pool.readyCount(megabytes: 2_048) == 0)
    }

    @Test func `below the reserve no volume is given out, not even a ready one, until there is space`() throws {
      var space = statvfs()
      #expect(unsafe statvfs("/var/tmp", &space) == 0)
      let total = UInt64(space.f_blocks) * UInt64(space.f_frsize)
      let bench = try Bench { $0.diskReserve = 2 * total }
      var outcome: Result<Volume, SystemError>?
      #expect(bench.pool.take(megabytes: 512) { outcome = $0 } == nil)
      guard case .failure(let error) = try #require(outcome) else { return #expect(Bool(false), "a volume") }
      #expect(error.errno == ENOSPC)
      #expect("\(error)".contains("MB free"))
    }

    @Test func `a tmpfs has the size and the files asked for, and is empty anew`() throws {
      let bench = try Bench { $0.temporaryBackend = .tmpfs }
      let volume = try bench.take(512)
      let mount = try volume.mount()
      let space = try mount.fileSystemSpace()
      #expect(space.totalBytes == 512 << 20 && space.totalFiles == 512 * 64)
      _ = try Descriptor.openBeneath(directory: mount, path: "kept", flags: O_WRONLY | O_CREAT, mode: 0o600)
      #expect(try DetachedMount.openDirectory(of: bench.take(512).mount()).entries().isEmpty)
    }

    @Test func `btrfs on another file system needs to be told its size`() throws {
      #expect(throws: SystemError.self) { _ = try Bench { $0.temporaryBackend = .btrfs } }
    }
  }
}
