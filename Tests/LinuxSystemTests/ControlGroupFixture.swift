import Glibc
import LinuxSystem
import Testing

/// The ways in which this host can be used.
enum HostLayout: Sendable, CustomTestStringConvertible, CaseIterable {
  case asMounted
  /// As if the v2 tree were not there; on a host with v1 only.
  case ordinaryOnly

  static var available: [HostLayout] {
    let ordinary = try? HostLayout.ordinaryOnly.layout()  // Unreadable: then the other case tells.
    return ordinary?.hierarchy(with: .freezer) == nil ? [.asMounted] : [.asMounted, .ordinaryOnly]
  }

  func layout() throws -> ControlGroupLayout {
    switch self {
    case .asMounted: return try ControlGroupLayout.detect()
    case .ordinaryOnly:
      let file = try Descriptor.open("/proc/self/mountinfo", flags: O_RDONLY)
      let lines = String(decoding: try file.readAll(limit: 1 << 24), as: UTF8.self).split(separator: "\n")
      let ordinary = lines.filter { !$0.contains("- cgroup2 ") }.joined(separator: "\n")
      return ControlGroupLayout(mountInfo: ordinary, unifiedControllers: "")
    }
  }

  var testDescription: String {
    switch self {
    case .asMounted: "as mounted"
    case .ordinaryOnly: "v1 alone"
    }
  }
}

/// A subtree of the test's own; whatever is in it is killed and removed when `body` ends, however it ends.
func withControlGroupTree(_ host: HostLayout, _ body: (ControlGroupTree) throws -> Void) throws {
  let tree = try ControlGroupTree(layout: host.layout(), name: "roost-test-\(getpid())-\(UInt32.random(in: 0 ... .max))")
  defer {
    do {
      try tree.reapLeftovers()
      try tree.remove()
    } catch { Issue.record("\(error)") }
  }
  try body(tree)
}

extension ControlGroup {
  static func make(in tree: ControlGroupTree, megabytes: UInt64 = 128, processLimit: UInt32 = 64) throws -> ControlGroup {
    try make(in: tree, name: "group", memoryBytes: megabytes << 20, processLimit: processLimit)
  }

  /// A shell that puts itself into the group and then runs `script`. Returns when it is in.
  func start(_ script: String) throws -> ChildProcess {
    let attach = paths.map { path in
      "echo 0 > '\(path)/\(unsafe access(path + "/tasks", F_OK) == 0 ? "tasks" : "cgroup.procs")' || exit 99"
    }
    let output = try Pipe()
    let lines = attach + ["echo in", "exec > /dev/null 2>&1", script]
    let child = try ChildProcess(program: "/bin/sh", arguments: ["-c", lines.joined(separator: "\n")], output: output.writeEnd.rawValue)
    var said: [UInt8] = []
    try #require(try becomesReady(output.readEnd.rawValue))
    _ = try output.readEnd.read(into: &said, upTo: 64)
    try #require(String(decoding: said, as: UTF8.self) == "in\n")
    return child
  }

  func readNumber(_ file: File) throws -> UInt64 {
    let descriptor = try open(file)
    return try #require(ControlGroupText.number(try descriptor!.readText()))
  }

  /// CPU time used so far.
  func cpuTime() throws -> Duration {
    let text = try open(.cpuUsage)!.readText()
    if let nanoseconds = ControlGroupText.number(text) { return .nanoseconds(Int64(nanoseconds)) }
    return .microseconds(Int64(try #require(ControlGroupText.counter("usage_usec", in: text))))
  }

  func outOfMemoryKills() throws -> UInt64 {
    try #require(ControlGroupText.counter("oom_kill", in: try open(.memoryEvents)!.readText()))
  }

  /// Whether any of the directories has the file.
  func has(_ file: String) -> Bool { paths.contains { unsafe access("\($0)/\(file)", F_OK) == 0 } }

  /// The text of a file in the last of the directories that has it: `cpu.stat` is in two of a hybrid host's.
  func text(of file: String) throws -> String {
    let path = try #require(paths.last { unsafe access("\($0)/\(file)", R_OK) == 0 })
    return try Descriptor.open("\(path)/\(file)", flags: O_RDONLY).readText()
  }
}
