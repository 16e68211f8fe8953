import LinuxSystem

extension HostSnapshot {
  var controlGroups: ControlGroupLayout { ControlGroupLayout(mountInfo: mountInfo, unifiedControllers: unifiedControllers) }

  var controlGroupFindings: [Finding] {
    [layoutFinding] + ControlGroupLayout.Controller.needed.map(finding(of:)) + [freezeFinding, killFinding, peakFinding]
  }

  private var layoutFinding: Finding {
    let name = "control groups v2"
    guard !controlGroups.hierarchies.isEmpty else {
      return .missing(name, "not mounted", remedy: "mount -t cgroup2 none /sys/fs/cgroup")
    }
    let remedy = "boot with systemd.unified_cgroup_hierarchy=1"
    return switch controlGroups.kind {
    case .v2: .ok(name, "v2 alone")
    case .hybrid: .substitute(name, "hybrid", instead: "v1 for limits, v2 to freeze and kill", remedy: remedy)
    case .v1: .substitute(name, "v1 alone", instead: "v1 for all", remedy: remedy)
    }
  }

  private func finding(of controller: ControlGroupLayout.Controller) -> Finding {
    let name = "\(controller.rawValue) controller"
    guard let hierarchy = controlGroups.hierarchy(with: controller) else {
      let option = controller == .memory ? "boot with cgroup_enable=memory" : "a kernel with this controller"
      return .missing(name, "none", remedy: option)
    }
    return .ok(name, "\(hierarchy.version == .v2 ? "v2" : "v1") at \(hierarchy.mountPoint)")
  }

  private var freezeFinding: Finding {
    if unifiedHas("cgroup.freeze", since: KernelVersion(major: 5, minor: 2)) { return .ok("cgroup.freeze", "v2") }
    guard controlGroups.hierarchy(with: .freezer) != nil else {
      return .missing("cgroup.freeze", "no freezer at all", remedy: "mount -t cgroup2 none /sys/fs/cgroup")
    }
    return .substitute("cgroup.freeze", "none", instead: "v1 freezer, 30 times slower")
  }

  private var killFinding: Finding {
    unifiedHas("cgroup.kill", since: KernelVersion(major: 5, minor: 14))
      ? .ok("cgroup.kill", "v2") : .substitute("cgroup.kill", "none", instead: "a signal to each process, by roostd")
  }

  private var peakFinding: Finding {
    guard controlGroups.hierarchy(with: .memory)?.version == .v2 else {
      return .substitute("memory.peak", "none", instead: "v1 memory.max_usage_in_bytes")
    }
    guard unifiedHas("memory.peak", since: KernelVersion(major: 5, minor: 19)) else {
      return .substitute("memory.peak", "none", instead: "the largest memory.current seen")
    }
    let canReset = kernelVersion.map { $0 >= KernelVersion(major: 6, minor: 12) } ?? false
    return canReset
      ? .ok("memory.peak", "can be reset") : .substitute("memory.peak", "cannot be reset", instead: "a fresh control group per environment")
  }

  /// Looks into a group; where there is none yet, the kernel's version has to tell.
  private func unifiedHas(_ file: String, since version: KernelVersion) -> Bool {
    guard controlGroups.unified != nil else { return false }
    if let unifiedGroupFiles { return unifiedGroupFiles.contains(file) }
    return kernelVersion.map { $0 >= version } ?? false
  }
}

extension ControlGroupLayout.Controller {
  /// Without these a sandbox has no limits.
  fileprivate static let needed: [ControlGroupLayout.Controller] = [.memory, .cpu, .pids]
}
