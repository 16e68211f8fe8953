import Glibc
import LinuxSystem
import SpawnProtocol

@testable import Spawning

/// A directory with everything that sandboxes are made of: a runtime image with one static program, code, two layers, roost-init.
final class Installation {
  let path: String
  /// Uids that no other test uses at the same time.
  let userIDs: ClosedRange<UInt32>

  private static let parent = "/var/tmp"
  static let code = [UInt8](repeating: 0xC0, count: 32)
  static let lowerLayer = [UInt8](repeating: 0x01, count: 32)
  static let upperLayer = [UInt8](repeating: 0x02, count: 32)

  var stateDirectory: String { "\(path)/state" }
  var runtimesDirectory: String { "\(path)/runtimes" }
  var programs: String { "\(path)/bin" }

  init() throws {
    path = "\(Self.parent)/roost-spawning-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    try makeDirectories(path)
    let first = UInt32.random(in: 1_000...40_000) * 1_000
    userIDs = first...(first + 99)
    try compile("probe", static: true, to: "\(path)/runtimes/test1/bin/probe")
    for directory in ["dev", "proc", "tmp", "var/task", "opt"] { try makeDirectories("\(runtimesDirectory)/test1/\(directory)") }
    try write("code\n", to: "\(artifact(Self.code))/code/var/task/name")
    try write("lower\n", to: "\(artifact(Self.lowerLayer))/layer/opt/shared")
    try write("", to: "\(artifact(Self.lowerLayer))/layer/opt/only-lower")
    try write("upper\n", to: "\(artifact(Self.upperLayer))/layer/opt/shared")
    try write("", to: "\(artifact(Self.upperLayer))/layer/opt/only-upper")
    for directory in ["volumes", "run/root"] { try makeDirectories("\(stateDirectory)/\(directory)") }
    try makeDirectories(programs)
    try run("\(repositoryPath)/tools/build-init", [programs])
  }

  deinit {
    do {
      // What a roostd that was killed has left, as its next start would.
      let groups = try ControlGroupTree(
        layout: try ControlGroupLayout.detect(), name: ControlGroupTree.name(forStateDirectory: stateDirectory))
      try groups.reapLeftovers()
      try groups.remove()
      // From its parent: nothing is removed across a mount, and /var/tmp may be one.
      try Descriptor.open(Self.parent, flags: O_RDONLY | O_DIRECTORY).removeTree(String(path.dropFirst(Self.parent.utf8.count + 1)))
    } catch { print("\(path): \(error)") }
  }

  private func artifact(_ digest: [UInt8]) -> String { "\(stateDirectory)/artifacts/\(hexadecimal(digest))" }

  var settings: HostSettings {
    var settings = HostSettings(stateDirectory: stateDirectory, runtimesDirectory: runtimesDirectory, userIDs: userIDs)
    settings.volumePool = 1
    settings.volumePoolGrowth = 1
    return settings
  }

  /// A recipe with both layers; `number` sets uid and volume apart from those of others.
  func recipe(_ number: UInt32 = 0, memoryMegabytes: UInt64 = 256, layers: [[UInt8]] = [lowerLayer, upperLayer]) -> SandboxRecipe {
    SandboxRecipe(
      runtime: "test1", code: Self.code, layers: layers, hostUserID: userIDs.lowerBound + number,
      memoryBytes: memoryMegabytes << 20, processLimit: 64, volume: VolumeID(UInt64(number)), volumeMegabytes: 512)
  }

  /// What on this host belongs to sandboxes of this installation.
  func traces() throws -> Traces {
    var traces = try tracesWithoutProcesses()
    traces.processes = entries(of: "/proc").filter { isSandboxProcess($0.name) }.count
    return traces
  }

  /// As ``traces()``, for who looks often and knows the processes: not through all of the host's.
  func tracesWithoutProcesses() throws -> Traces {
    Traces(
      controlGroups: try ControlGroupLayout.detect().hierarchies.reduce(0) { count, hierarchy in
        let name = ControlGroupTree.name(forStateDirectory: stateDirectory)
        return count
          + entries(of: "\(hierarchy.mountPoint)/\(name)").filter {
            $0.kind == .directory && !$0.name.hasPrefix("supervisor-")
          }.count
      },
      loopDevices: entries(of: "/sys/block").filter { entry in
        text("/sys/block/\(entry.name)/loop/backing_file").hasPrefix(stateDirectory)
      }.count,
      mounts: text("/proc/self/mountinfo").split(separator: "\n").filter { $0.contains(path) }.count,
      files: entries(of: "\(stateDirectory)/volumes").count)
  }

  private func isSandboxProcess(_ name: String) -> Bool {
    guard Int(name) != nil else { return false }
    let line = text("/proc/\(name)/status").split(separator: "\n").first { $0.hasPrefix("Uid:") } ?? ""
    return line.split(separator: "\t").compactMap { UInt32($0) }.contains { userIDs.contains($0) }
  }
}

struct Traces: Hashable {
  var controlGroups = 0
  var processes = 0
  var loopDevices = 0
  var mounts = 0
  var files = 0
}

// MARK: The host

/// How much slower than bare metal this machine may be; the cgroup-v2 guest sets it.
let timeScale = unsafe getenv("ROOST_TIME_SCALE").flatMap { unsafe Int(String(cString: $0)) } ?? 1

extension Duration {
  /// So many seconds for what should happen much sooner, and more of them on a slow machine.
  static func limit(_ seconds: Int) -> Duration { .seconds(seconds * timeScale) }
}

struct ProgramFailed: Error { let program: String }

func run(_ program: String, _ arguments: [String]) throws {
  let process = try ChildProcess(program: program, arguments: arguments)
  guard try process.wait(for: .limit(60)) == .code(0) else { throw ProgramFailed(program: program) }
}

/// Builds `Programs/<name>.c`, unless that was done since it was changed: on an emulated machine the compiler takes its time.
func compile(_ name: String, static isStatic: Bool, to target: String, libraries: [String] = []) throws {
  try makeDirectories(String(target[..<(target.lastIndex(of: "/") ?? target.startIndex)]))
  let source = "\(repositoryPath)/Tests/SpawningTests/Programs/\(name).c"
  let kept = "\(buildDirectory)/test-programs/\(name)"
  if modificationTime(of: kept) <= modificationTime(of: source) {
    try makeDirectories("\(buildDirectory)/test-programs")
    let flags = ["-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O1"] + (isStatic ? ["-static"] : [])
    // Under another name first: whoever compiles beside us finds the old one or the new one.
    let fresh = "\(kept).\(getpid())"
    try run("/usr/bin/cc", flags + ["-o", fresh, source] + libraries.map { "-l\($0)" })
    guard unsafe rename(fresh, kept) == 0 else { throw SystemError(call: "rename", object: kept, errno: errno) }
  }
  try run("/bin/cp", [kept, target])
}

/// In seconds; 0 for a file that is not there.
private func modificationTime(of path: String) -> Int {
  var facts = stat()
  return unsafe stat(path, &facts) == 0 ? facts.st_mtim.tv_sec : 0
}

let repositoryPath = String(#filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" })

private func write(_ text: String, to path: String) throws(SystemError) {
  try makeDirectories(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
  _ = try Descriptor.open(path, flags: O_WRONLY | O_CREAT, mode: 0o644).write(Array(text.utf8)[...])
}

/// The whole file; nothing where there is none, since processes and devices come and go while they are counted.
func text(_ path: String) -> String {
  guard let bytes = try? Descriptor.open(path, flags: O_RDONLY).readAll(limit: 1 << 22) else { return "" }
  return String(decoding: bytes, as: UTF8.self)
}

/// The names in a directory; none where there is none.
func entries(of path: String) -> [DirectoryEntry] {
  (try? Descriptor.open(path, flags: O_RDONLY | O_DIRECTORY).entries()) ?? []
}
