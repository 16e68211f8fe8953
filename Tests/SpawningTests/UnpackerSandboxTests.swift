import Glibc
import LinuxSystem
import SpawnProtocol
import Testing

@testable import Spawning

/// The sandbox of the unpacker, with the probe in its place.
@Suite(.serialized) struct UnpackerSandboxTests {
  @Test func `an unpacker finds its own program and nothing else, not even a place to write to`() throws {
    let installation = try Installation()
    let session = try SpawnerSession(installation, unpackProgram: "\(installation.runtimesDirectory)/test1/bin/probe")
    defer { session.end() }
    let sandbox = try session.createUnpacker(1, hostUserID: installation.userIDs.lowerBound)
    let report = try sandbox.run(["identity", "view", "files", "connect"], program: "/roost-unpack", directory: "/")
    try session.destroy(1)
    #expect(Set(report.all("root")) == ["dev", "proc", "tmp", "roost-unpack"])
    #expect(report["uid"] == "993" && report.status("CapBnd") == "0000000000000000" && report.status("Seccomp") == "2")
    for path in ["/x", "/tmp/x", "/dev/x"] { #expect(report["create \(path)"] == "EROFS") }
    #expect(report.all("interface") == ["lo"] && report["route"] == "ENETUNREACH")
    let mounts = report.all("mountinfo")
    #expect(!mounts.isEmpty && !mounts.contains { $0.contains("/var/tmp") || $0.contains("/dev/loop") })
  }

  @Test func `nothing of an unpacker stays, and its uid is nobody else's meanwhile`() throws {
    let installation = try Installation()
    let session = try SpawnerSession(installation, unpackProgram: "\(installation.runtimesDirectory)/test1/bin/probe")
    defer { session.end() }
    let before = try installation.tracesOfPool()
    #expect(before == Traces(loopDevices: 1))
    let userID = installation.userIDs.lowerBound
    let sandbox = try session.createUnpacker(1, hostUserID: userID)
    for (number, userID, errno) in [(2, userID, EBUSY), (1, userID + 1, EEXIST), (2, installation.userIDs.upperBound + 1, EPERM)] {
      try session.send(.createUnpacker(SandboxID(UInt64(number)), hostUserID: userID))
      #expect(try session.next().event == .failed(SandboxID(UInt64(number)), SpawnFailure(step: .refused, errno: errno)))
    }
    // Without its control socket it would end.
    let meanwhile = try withExtendedLifetime(sandbox) { try installation.traces() }
    #expect(meanwhile != before)
    try session.destroy(1)
    #expect(try installation.tracesOfPool() == before)
  }

  @Test func `without the program there is no unpacker`() throws {
    let installation = try Installation()
    let session = try SpawnerSession(installation)
    defer { session.end() }
    try session.send(.createUnpacker(SandboxID(1), hostUserID: installation.userIDs.lowerBound))
    #expect(try session.next().event == .failed(SandboxID(1), SpawnFailure(step: .openRuntime, errno: ENOENT)))
  }
}

extension SpawnerSession {
  fileprivate func createUnpacker(_ number: UInt64, hostUserID: UInt32) throws -> RunningSandbox {
    try send(.createUnpacker(SandboxID(number), hostUserID: hostUserID))
    let received = try next()
    guard case .created(SandboxID(number), let created) = received.event else { throw Ended(reason: "\(received.event)") }
    return RunningSandbox(created, received)
  }
}
