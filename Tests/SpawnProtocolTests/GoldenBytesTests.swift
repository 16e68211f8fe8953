import SpawnProtocol
import Testing

/// The bytes are a contract with a program of another build (roost-init is C): they may not change unnoticed.
@Suite struct GoldenBytesTests {
  @Test func `create is laid out as documented`() {
    var expected: [UInt8] = [1, 7, 0, 0, 0, 0, 0, 0, 0]
    expected += [10] + Array("python3.11".utf8)
    expected += [UInt8](0..<32)
    expected += [2] + [UInt8](repeating: 0xAA, count: 32) + [UInt8](repeating: 0xBB, count: 32)
    expected += [0x41, 0x0D, 0x03, 0x00]
    expected += [0, 0, 0, 8, 0, 0, 0, 0]
    expected += [0, 4, 0, 0]
    expected += [8, 7, 6, 5, 4, 3, 2, 1]
    expected += [0, 2, 0, 0]
    expected += [2, 3, 2, 0, 63]
    #expect(SpawnRequest.create(SandboxID(7), Samples.recipe).encoded() == expected)
  }

  @Test func `the short requests are laid out as documented`() {
    #expect(SpawnRequest.kill(SandboxID(8)).encoded() == [2, 8, 0, 0, 0, 0, 0, 0, 0])
    #expect(SpawnRequest.destroy(SandboxID(9), keepVolume: true).encoded() == [3, 9, 0, 0, 0, 0, 0, 0, 0, 1])
    #expect(SpawnRequest.destroy(SandboxID(9), keepVolume: false).encoded() == [3, 9, 0, 0, 0, 0, 0, 0, 0, 0])
    #expect(SpawnRequest.release(VolumeID(10)).encoded() == [4, 10, 0, 0, 0, 0, 0, 0, 0])
    #expect(
      SpawnRequest.createUnpacker(SandboxID(11), hostUserID: 200_002).encoded() == [5, 11, 0, 0, 0, 0, 0, 0, 0, 0x42, 0x0D, 0x03, 0x00])
  }

  @Test func `events are laid out as documented`() {
    let created = SpawnEvent.created(SandboxID(7), Samples.created).encoded()
    #expect(created == [1, 7, 0, 0, 0, 0, 0, 0, 0, 0x92, 0x10, 0, 0] + [UInt8](2...9) + [2, 1, 1, 8, 7, 0, 0, 11] + [UInt8](1...11))
    let failed = SpawnEvent.failed(SandboxID(7), SpawnFailure(step: .mountRoot, errno: 22)).encoded()
    #expect(failed == [2, 7, 0, 0, 0, 0, 0, 0, 0, 37, 0, 22, 0, 0, 0])
    #expect(SpawnEvent.exited(SandboxID(7)).encoded() == [3, 7, 0, 0, 0, 0, 0, 0, 0])
    #expect(SpawnEvent.trees([.processes, .unified]).encoded() == [5, 2, 5, 1])
    #expect(SpawnEvent.destroyed(SandboxID(7)).encoded() == [4, 7, 0, 0, 0, 0, 0, 0, 0])
  }

  @Test func `what is said to roost-init is laid out as documented`() throws {
    let start = InitRequest.start(
      ProgramStart(
        program: ProgramNumber.extensions[2], workingDirectory: "/v", arguments: ["/b", "x"], environment: ["A=1"], descriptors: [1, 62]))
    let head: [UInt8] = [1, 3, 2, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 62, 0, 0]
    #expect(try start.encoded() == head + Array("/v\0/b\0x\0A=1\0".utf8))
    #expect(try InitRequest.signal(15, ProgramNumber.extensions[0]).encoded() == [2, 1, 0, 0, 15, 0, 0, 0])
    #expect(try InitRequest.socket.encoded() == [3, 0, 0, 0])
  }

  @Test func `what roost-init says is laid out as documented`() {
    #expect(InitEvent.started(.runtime, processID: 2).encoded() == [1, 0, 0, 0, 2, 0, 0, 0])
    #expect(InitEvent.failed(ProgramNumber.extensions[9], errno: 13).encoded() == [2, 10, 0, 0, 13, 0, 0, 0])
    #expect(InitEvent.exited(.runtime, .code(3)).encoded() == [3, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0])
    #expect(InitEvent.exited(ProgramNumber.extensions[0], .signal(9)).encoded() == [3, 1, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0])
    #expect(InitEvent.socket(errno: 24).encoded() == [4, 0, 0, 0, 24, 0, 0, 0])
  }
}
