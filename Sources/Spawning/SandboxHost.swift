import CSandbox
import Glibc
package import LinuxSystem
import SpawnProtocol

/// What all sandboxes of a roostd share, found out or opened once at its start.
package final class SandboxHost {
  package let settings: HostSettings
  package let controlGroups: ControlGroupTree
  let prepared: PreparedHost
  let initProgram: Descriptor
  let volumes: Descriptor
  let runtimes: Descriptor
  /// `nil` where no sandbox may, or can, have a way out.
  let network: HostNetwork?
  private let artifacts: Descriptor
  private let unpackerRoot: UnpackerRoot?
  private var groupCount: UInt64 = 0

  /// - Parameters:
  ///   - state: the state directory, whose tree stands.
  ///   - initProgram: path of the roost-init executable.
  ///   - unpackProgram: path of the roost-unpack executable; without it no sandbox is made for it.
  package convenience init(
    settings: HostSettings, state: borrowing Descriptor, initProgram: String, unpackProgram: String? = nil,
    controlGroups: ControlGroupTree, network: HostNetwork? = nil
  ) throws(SystemError) {
    try self.init(
      settings: settings, state: state, initProgram: initProgram, unpackProgram: unpackProgram, controlGroups: controlGroups,
      network: network, prepared: try PreparedHost())
  }

  init(
    settings: HostSettings, state: borrowing Descriptor, initProgram: String, unpackProgram: String?,
    controlGroups: ControlGroupTree, network: HostNetwork?, prepared: PreparedHost
  ) throws(SystemError) {
    self.network = network
    self.settings = settings
    self.controlGroups = controlGroups
    self.initProgram = try Descriptor.open(initProgram, flags: O_RDONLY)
    runtimes = try Descriptor.openDirectory(chosenByRoot: settings.runtimesDirectory)
    // The supervisor owns the directory above the usual one, and may put another in its place.
    guard try runtimes.isOnlyRoots() else {
      throw SystemError(call: "open (not root's alone)", object: settings.runtimesDirectory, errno: EPERM)
    }
    artifacts = try Descriptor.openBeneath(directory: state, path: "artifacts", flags: O_RDONLY | O_DIRECTORY)
    volumes = try Descriptor.openBeneath(directory: state, path: "volumes", flags: O_RDONLY | O_DIRECTORY)
    if let unpackProgram {
      let own = try Descriptor.openBeneath(directory: state, path: "run/root", flags: O_RDONLY | O_DIRECTORY)
      unpackerRoot = try UnpackerRoot.make(in: own, program: unpackProgram)
    } else {
      unpackerRoot = nil
    }
    self.prepared = prepared
  }

  /// A number, and so a name, that no control group of this run has had: the supervisor's numbers may come twice, where a group could not be
  /// removed.
  func newGroupNumber() -> UInt64 {
    groupCount += 1
    return groupCount
  }

  /// The directories that all sandboxes' control groups are in, for the supervisor to read in: one descriptor for all of them, instead of
  /// one of each statistic for each.
  func sendTrees(over link: SupervisorLink) throws(SystemError) {
    var roles: [TreeRole] = []
    var descriptors = DescriptorList()
    for role in TreeRole.allCases {
      guard let directory = try tree(role) else { continue }
      roles.append(role)
      descriptors.append(directory)
    }
    link.send(.trees(roles), descriptors: descriptors)
  }

  private func tree(_ role: TreeRole) throws(SystemError) -> Descriptor? {
    switch role {
    case .unified: try controlGroups.unifiedDirectory()
    case .memory: try controlGroups.directory(with: .memory)
    case .cpu: try controlGroups.directory(with: .cpu)
    case .cpuAccounting: try controlGroups.directory(with: .cpuacct)
    case .processes: try controlGroups.directory(with: .pids)
    }
  }

  /// The read-only root of a sandbox, mounted nowhere yet.
  func mountRoot(of order: SandboxOrder) throws(SpawnFailure) -> Descriptor {
    let directories =
      switch order {
      case .function(let recipe): try openDirectories(of: recipe)
      case .unpacker: try unpackerDirectories()
      }
    let numbers = directories.rawValues
    let answer = unsafe csandbox_mount_root(numbers, UInt32(numbers.count))
    guard answer >= 0 else { throw SpawnFailure(step: .mountRoot, errno: -answer) }
    return Descriptor(owning: answer)
  }

  private func unpackerDirectories() throws(SpawnFailure) -> DescriptorList {
    var directories = DescriptorList()
    switch unpackerRoot {
    case .some(let root):
      try failing(at: .openRuntime) { () throws(SystemError) in
        directories.append(try root.places.duplicate())
        directories.append(try root.programs.duplicate())
      }
    case nil: throw SpawnFailure(step: .openRuntime, errno: ENOENT)
    }
    return directories
  }

  /// Runtime image, code on it, layers on top.
  private func openDirectories(of recipe: SandboxRecipe) throws(SpawnFailure) -> DescriptorList {
    var directories = DescriptorList()
    directories.append(try openImage(recipe.runtime))
    directories.append(try open(hexadecimal(recipe.code) + "/code", beneath: artifacts, step: .openCode))
    for (index, layer) in recipe.layers.enumerated() where !recipe.layers[(index + 1)...].contains(layer) {
      // Equal contents under two names count once, where they are on top: an overlay refuses the same directory twice.
      directories.append(try open(hexadecimal(layer) + "/layer", beneath: artifacts, step: .openLayer))
    }
    return directories
  }

  /// EPERM for an image that others than root could have made: sandboxes of every tenant would run its programs.
  private func openImage(_ name: String) throws(SpawnFailure) -> Descriptor {
    let image = try open(name, beneath: runtimes, step: .openRuntime)
    let isTrusted = try failing(at: .openRuntime) { () throws(SystemError) in try image.isOnlyRoots() }
    guard isTrusted else { throw SpawnFailure(step: .openRuntime, errno: EPERM) }
    return image
  }

  private func open(
    _ path: String, beneath directory: borrowing Descriptor, step: SpawnStep
  ) throws(SpawnFailure) -> Descriptor {
    do {
      return try Descriptor.openBeneath(directory: directory, path: path, flags: O_RDONLY | O_DIRECTORY)
    } catch {
      throw SpawnFailure(step: step, errno: error.errno)
    }
  }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

/// What CSandbox prepares once: facts of the running kernel, and the compiled system call policy.
///
/// The memory is never given back, so that the pointer is good for as long as roostd runs.
@safe
final class PreparedHost {
  let pointer: UnsafePointer<csandbox_host>

  init() throws(SystemError) {
    let host = UnsafeMutablePointer<csandbox_host>.allocate(capacity: 1)
    let answer = unsafe csandbox_prepare(host)
    guard answer == 0 else { throw SystemError(call: "prepare", object: "system call policy and /proc masks", errno: -answer) }
    unsafe pointer = UnsafePointer(host)
  }

  /// The compiled policy.
  var filter: UnsafePointer<sock_fprog> { unsafe pointer.pointer(to: \.filter)! }
}
