import Foundation
import LinuxSystem
import Spawning

/// roostd's spawner on a thread that stays, because PID 1 of a sandbox dies with the thread that cloned it.
enum SpawnerThread {
  static let userIDs: ClosedRange<UInt32> = 1_900_000...1_900_009

  /// Starts it; the caller gets the supervisor's end of its socket. It ends with the process.
  static func start(directory: String) throws -> Descriptor {
    let ends = try PacketSocket.pair()
    let socket = ends.second.release()
    Thread.detachNewThread {
      do {
        try serve(Descriptor(owning: socket), directory)
      } catch {
        print("spawner: \(error)")
        exit(71)
      }
    }
    return ends.first
  }

  private static func serve(_ socket: consuming Descriptor, _ directory: String) throws {
    let settings = HostSettings(
      stateDirectory: "\(directory)/state", runtimesDirectory: "\(directory)/runtimes", userIDs: userIDs)
    let state = try Descriptor.open(settings.stateDirectory, flags: O_RDONLY | O_DIRECTORY)
    let groups = try ControlGroupTree(layout: try ControlGroupLayout.detect(), name: "roost-bench")
    try groups.reapLeftovers()
    let host = try SandboxHost(settings: settings, state: state, initProgram: "\(directory)/roost-init", controlGroups: groups)
    let loop = try EventLoop()
    let volumes = try VolumePool(host: host, loop: loop)
    let spawner = try Spawner(host: host, volumes: volumes, socket: socket, loop: loop) { _ in exit(0) }
    try withExtendedLifetime(spawner) { try loop.run() }
  }
}
