import FunctionModel
import LinuxSystem

extension EnvironmentSnapshot {
  /// Reads what the kernel shows of the environment. As root of the host: others may not look at processes that are not theirs.
  init(of status: EnvironmentStatus, first process: Int, daemon: HostFacts) {
    self.init(status: status, security: daemon.security)
    stateDirectory = daemon.stateDirectory
    hostNamespaces = ProcessReader.namespaces(of: "self")
    first = ProcessReader.snapshot(of: process)
    readOthers()
    readFilter()
    readProcessFiles()
    let devices = "/proc/\(process)/root/dev"
    self.devices = ProcessReader.names(in: devices).reduce(into: [:]) { $0[$1] = ProcessReader.kind("\(devices)/\($1)") ?? "unknown" }
    readGroups()
    network = NetworkSnapshot(ofProcess: process)
  }

  private mutating func readOthers() {
    guard let namespace = first.namespaces["pid"], let user = first.field("Uid")?.split(separator: " ").first else { return }
    for process in ProcessReader.processes() where process != first.id {
      if ProcessReader.link("/proc/\(process)/ns/pid") == namespace {
        others.append(ProcessReader.snapshot(of: process))
      } else {
        var stranger = ProcessSnapshot()
        stranger.status = ProcessReader.text("/proc/\(process)/status")
        if stranger.field("Uid")?.split(separator: " ").contains(user) == true { strangers.append(process) }
      }
    }
  }

  private mutating func readFilter() {
    do {
      filter = try InstalledFilter(lastOfProcess: Int32(clamping: first.id))
    } catch {
      filterProblem = "\(error)"
    }
  }

  private mutating func readProcessFiles() {
    let folder = "/proc/\(first.id)/root/proc"
    let covered = Set(first.mounts.map(\.point))
    processFiles = ProcessReader.names(in: folder).filter { Int($0) == nil }.sorted().map { name in
      if covered.contains("/proc/\(name)") { return ProcessFile(name: name, access: .masked) }
      let open = ProcessReader.permissions("\(folder)/\(name)").map { $0 & 0o007 != 0 } ?? true
      return ProcessFile(name: name, access: open ? .readable : .closed)
    }
  }

  /// The limits where they really are: by the host's view of the process's groups.
  private mutating func readGroups() {
    guard let layout = try? ControlGroupLayout.detect() else { return }  // no control groups, no files
    let paths = first.groupPaths
    for hierarchy in layout.hierarchies {
      let names = hierarchy.version == .v2 ? [""] : hierarchy.controllers.map(\.rawValue)
      guard let path = names.compactMap({ paths[$0] }).first else { continue }
      for file in hierarchy.limitFiles {
        let whole = "\(hierarchy.mountPoint)\(path)/\(file)"
        let value = ProcessReader.text(whole).split(separator: "\n").first.map(String.init)
        if let value { groupFiles.append(GroupFile(path: whole, value: value)) }
      }
    }
  }
}

extension ProcessSnapshot {
  /// Paths of its groups by controller, as in `memory`; that of the v2 tree by "".
  var groupPaths: [String: String] {
    var paths: [String: String] = [:]
    for line in controlGroups.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      for name in parts[1].split(separator: ",", omittingEmptySubsequences: false) { paths[String(name)] = String(parts[2]) }
    }
    return paths
  }
}

extension ControlGroupLayout.Hierarchy {
  fileprivate var limitFiles: [String] {
    let files: [(ControlGroupLayout.Controller, [String])] =
      version == .v2
      ? [(.memory, ["memory.max", "memory.swap.max"]), (.pids, ["pids.max"]), (.cpu, ["cpu.max"])]
      : [
        (.memory, ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.swappiness"]), (.pids, ["pids.max"]),
        (.cpu, ["cpu.cfs_quota_us", "cpu.cfs_period_us"]),
      ]
    return files.filter { controllers.contains($0.0) }.flatMap(\.1)
  }
}

extension NetworkSnapshot {
  fileprivate init(ofProcess process: Int) {
    self.init()
    let folder = "/proc/\(process)/net"
    interfaces = Self.rows("\(folder)/dev", skipping: 2).compactMap { $0.first?.split(separator: ":").first.map(String.init) }.sorted()
    routes = Self.rows("\(folder)/route", skipping: 1).filter { $0.count > 7 }.map { "\($0[0]) \($0[1])/\($0[7])" }
    let ipv6 = Self.rows("\(folder)/ipv6_route", skipping: 0).filter { $0.count > 9 && $0[9] != "lo" }
    routes += ipv6.map { "\($0[9]) \($0[0])/\($0[1])" }
    // State 0A is LISTEN.
    for file in ["tcp", "tcp6"] {
      listeners += Self.rows("\(folder)/\(file)", skipping: 1).filter { $0.count > 3 && $0[3] == "0A" }.map { String($0[1]) }
    }
    nameServers = ProcessReader.text("/proc/\(process)/root/etc/resolv.conf").split(separator: "\n").compactMap {
      $0.hasPrefix("nameserver ") ? String($0.dropFirst("nameserver ".count)) : nil
    }
  }

  private static func rows(_ path: String, skipping count: Int) -> [[Substring]] {
    ProcessReader.text(path).split(separator: "\n").dropFirst(count).map { $0.split(whereSeparator: \.isWhitespace) }
  }
}
