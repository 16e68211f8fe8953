import Glibc
import LinuxSystem
import Spawning

/// Host uids of the server's sandboxes.
let benchmarkUserIDs: ClosedRange<UInt32> = 1_900_000...1_900_009

/// What roostd does, but for starting a supervisor; returns when the client has gone.
///
/// - Parameter withNetwork: sandboxes may have a way out of the network namespace that this is called in.
func serve(directory: String, withNetwork: Bool) throws {
  let listener = try Socket.listening(at: "\(directory)/socket")
  var settings = HostSettings(
    stateDirectory: "\(directory)/state", runtimesDirectory: "\(directory)/runtimes", userIDs: benchmarkUserIDs)
  if withNetwork { settings.network.defaultEgress = .nat }
  let state = try Descriptor.open(settings.stateDirectory, flags: O_RDONLY | O_DIRECTORY)
  let groups = try ControlGroupTree(layout: try ControlGroupLayout.detect(), name: "roost-bench")
  try groups.reapLeftovers()
  let network = HostNetwork.forSandboxes(settings.network, name: groups.name)
  let host = try SandboxHost(
    settings: settings, state: state, initProgram: "\(directory)/roost-init", controlGroups: groups, network: network)
  let loop = try EventLoop()
  try network?.keepPolicy(on: loop)
  let volumes = try VolumePool(host: host, loop: loop)
  print("ready")
  fflush(nil)
  let socket = Descriptor(owning: accept(listener.rawValue, nil, nil))
  var spawner: Spawner?
  spawner = try Spawner(host: host, volumes: volumes, socket: socket, loop: loop) { _ in spawner?.abandonAll { loop.stop() } }
  try loop.run()
  spawner = nil
  volumes.close()
  try groups.remove()
  try network?.remove()
}

/// Named packet sockets. unix(7).
enum Socket {
  static func listening(at path: String) throws(SystemError) -> Descriptor {
    try unsafe make(path, "bind") { unsafe bind($0, $1, $2) == 0 && listen($0, 1) == 0 }
  }

  static func connected(to path: String) throws(SystemError) -> Descriptor {
    try unsafe make(path, "connect") { unsafe connect($0, $1, $2) == 0 }
  }

  private static func make(
    _ path: String, _ call: String, _ body: (CInt, UnsafePointer<sockaddr>, socklen_t) -> Bool
  ) throws(SystemError) -> Descriptor {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // All but the last byte, which stays NUL.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    let descriptor = Descriptor(owning: socket(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0))
    let done = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe body(descriptor.rawValue, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard done else { throw SystemError(call: call, object: path, errno: errno) }
    return descriptor
  }
}
