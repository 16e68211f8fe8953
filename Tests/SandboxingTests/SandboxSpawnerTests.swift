import LinuxSystem
import Logging
import SpawnProtocol
import Testing

@testable import Sandboxing

@Suite struct SandboxSpawnerTests {
  @Test(.timeLimit(.minutes(1))) func `who destroys a sandbox learns whether roostd did it or is gone`() async throws {
    let ends = try PacketSocket.pair()
    let spawner = try SandboxSpawner(socket: ends.first, watcher: try DescriptorWatcher(), logger: Logger(label: "test")) {}
    let roostd = ends.second
    // Whether it is asked first or last, the answer is for this one.
    #expect(try PacketSocket.send(SpawnEvent.destroyed(SandboxID(2)).encoded(), over: roostd))
    async let answered = spawner.destroy(SandboxID(1), keepVolume: false)
    try await heard(.destroy(SandboxID(1), keepVolume: false), over: roostd)
    #expect(try PacketSocket.send(SpawnEvent.destroyed(SandboxID(1)).encoded(), over: roostd))
    #expect(await answered)
    async let abandoned = spawner.destroy(SandboxID(3), keepVolume: false)
    try await heard(.destroy(SandboxID(3), keepVolume: false), over: roostd)
    _ = consume roostd
    #expect(await !abandoned)
    #expect(await !spawner.destroy(SandboxID(4), keepVolume: false))
  }

  @Test(.timeLimit(.minutes(1))) func `a sandbox that lost descriptors is given back, and the next one served`() async throws {
    let ends = try PacketSocket.pair()
    let spawner = try SandboxSpawner(socket: ends.first, watcher: try DescriptorWatcher(), logger: Logger(label: "test")) {}
    let roostd = ends.second
    let pipe = try Pipe()
    let trees = SpawnEvent.trees([.memory, .cpu, .processes]).encoded()
    #expect(try PacketSocket.send(trees, descriptors: Array(repeating: pipe.readEnd.rawValue, count: 3), over: roostd))
    for number: UInt64 in 1...2 {
      async let creation = spawner.createUnpacker(hostUserID: 100_000)
      try await heard(.createUnpacker(SandboxID(number), hostUserID: 100_000), over: roostd)
      let created = CreatedSandbox(
        hostProcessID: 1, group: 1, freezer: .v2, memory: .v2, cpu: .v2, roles: [.process, .control], microseconds: 1)
      let event = SpawnEvent.created(SandboxID(number), created).encoded()
      #expect(try PacketSocket.send(event, descriptors: [pipe.readEnd.rawValue], over: roostd))
      try await heard(.destroy(SandboxID(number), keepVolume: false), over: roostd)
      do {
        _ = try await creation
        Issue.record("a sandbox of fewer descriptors than it has")
      } catch { #expect(error as? SpawnFailure == .unreachable) }
    }
  }

  private func heard(_ request: SpawnRequest, over socket: borrowing Descriptor) async throws {
    while true {
      if let packet = try PacketSocket.receive(from: socket, limit: 4_096) {
        #expect(try SpawnRequest(decoding: packet.bytes) == request)
        return
      }
      await Task.yield()
    }
  }
}
