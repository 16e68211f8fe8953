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
