import CLinux
import Glibc

extension ControlGroup {
  /// Which interface the freezer has; `nil` when the host has none.
  package var freezer: ControlGroupLayout.Hierarchy.Version? {
    unified != nil ? .v2 : member(with: .freezer).map(\.hierarchy.version)
  }

  /// Which interface the files of this controller have; `nil` when the host lacks it.
  package func version(of controller: ControlGroupLayout.Controller) -> ControlGroupLayout.Hierarchy.Version? {
    member(with: controller)?.hierarchy.version
  }

  /// Opens the file for somebody who could not open it himself; `nil` where ``File`` says that it may be absent, or the controller is.
  package func open(_ file: File) throws(SystemError) -> Descriptor? {
    switch file {
    case .freeze:
      // v1's FREEZING becomes FROZEN only when somebody reads, hence not for writing alone.
      if let unified { return try unified.open("cgroup.freeze", flags: O_WRONLY) }
      return try member(with: .freezer)?.open("freezer.state", flags: O_RDWR)
    case .kill: return try unified?.openIfPresent("cgroup.kill", flags: O_WRONLY)
    case .cpuQuota: return try open(.cpu, v1: "cpu.cfs_quota_us", v2: "cpu.max", flags: O_WRONLY)
    case .memoryEvents: return try open(.memory, v1: "memory.oom_control", v2: "memory.events", flags: O_RDONLY)
    case .outOfMemory: return try openOutOfMemory()
    case .memoryPeak: return try openPeak()
    case .memoryCurrent: return try open(.memory, v1: "memory.usage_in_bytes", v2: "memory.current", flags: O_RDONLY)
    case .cpuUsage:
      if let accounting = member(with: .cpuacct) { return try accounting.open("cpuacct.usage", flags: O_RDONLY) }
      return try open(.cpu, v1: "cpu.stat", v2: "cpu.stat", flags: O_RDONLY)
    case .cpuWeight: return try open(.cpu, v1: "cpu.shares", v2: "cpu.weight", flags: O_WRONLY)
    case .cpuThrottling:
      guard let cpu = member(with: .cpu), cpu.hierarchy.version == .v1 else { return nil }
      return try cpu.openIfPresent("cpu.stat", flags: O_RDONLY)
    case .processEvents: return try member(with: .pids)?.openIfPresent("pids.events", flags: O_RDONLY)
    case .cpuPressure: return try openPressure("cpu.pressure")
    case .memoryPressure: return try openPressure("memory.pressure")
    case .ioPressure: return try openPressure("io.pressure")
    }
  }

  /// Kernels with PSI compiled in and switched off show the files, and refuse to open them.
  private func openPressure(_ file: String) throws(SystemError) -> Descriptor? {
    do { return try unified?.openIfPresent(file, flags: O_RDONLY) } catch let error where error.errno == EOPNOTSUPP { return nil }
  }

  private func open(
    _ controller: ControlGroupLayout.Controller, v1: String, v2: String, flags: Int32
  ) throws(SystemError) -> Descriptor? {
    guard let member = member(with: controller) else { return nil }
    return try member.open(member.hierarchy.version == .v1 ? v1 : v2, flags: flags)
  }

  /// Registers an eventfd by `cgroup.event_control`: `<eventfd> <descriptor of memory.oom_control>`. It stays registered until the last
  /// descriptor of the eventfd is closed or the group removed.
  private func openOutOfMemory() throws(SystemError) -> Descriptor? {
    guard let memory = member(with: .memory), memory.hierarchy.version == .v1 else { return nil }
    let event = try Descriptor.eventCounter()
    let control = try memory.open("memory.oom_control", flags: O_RDONLY)
    try memory.write("\(event.rawValue) \(control.rawValue)", to: "cgroup.event_control")
    return event
  }

  private func openPeak() throws(SystemError) -> Descriptor? {
    guard let memory = member(with: .memory) else { return nil }
    guard memory.hierarchy.version == .v2 else { return try memory.open("memory.max_usage_in_bytes", flags: O_RDWR) }
    if let peak = try memory.openResetPeak() { return peak }
    return try memory.openIfPresent("memory.peak", flags: O_RDONLY)
  }

  /// Drops the page cache that earlier processes left charged, and begins the peak anew; for a group without processes.
  ///
  /// On v2 a peak belongs to a descriptor (since 6.12): those opened by ``open(_:)`` afterwards begin anew, others keep theirs.
  ///
  /// - Returns: `false` where the kernel cannot: v2 before 6.12.
  package func resetPeak() throws(SystemError) -> Bool {
    guard let memory = member(with: .memory) else { return false }
    switch memory.hierarchy.version {
    case .v1:
      try memory.write("0", to: "memory.force_empty")
      try memory.write("0", to: "memory.max_usage_in_bytes")
      return true
    case .v2:
      guard try memory.openResetPeak() != nil else { return false }
      // EAGAIN: less could be given back than was asked for, which was all.
      do { try memory.writeIfPresent("10737418240", to: "memory.reclaim") } catch let error where error.errno == EAGAIN {}
      return true
    }
  }
}

extension ControlGroupDirectory {
  /// `memory.peak` by a descriptor whose peak begins now; `nil` where that cannot be (before 6.12 it cannot be written) or the file is
  /// absent (before 5.19).
  fileprivate func openResetPeak() throws(SystemError) -> Descriptor? {
    do {
      guard let peak = try openIfPresent("memory.peak", flags: O_RDWR) else { return nil }
      try peak.write("reset")
      return peak
      // EACCES: for reading only, and roostd has laid aside the capability to pass by that.
    } catch let error where error.errno == EINVAL || error.errno == EACCES {
      return nil
    }
  }
}

/// What the kernel writes into control group files.
package enum ControlGroupText {
  /// The number after `name` in a text of lines `name number`, as in `memory.events`, `memory.oom_control` and `cpu.stat`.
  package static func counter(_ name: String, in text: String) -> UInt64? {
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ")
      if fields.count == 2, fields[0] == name { return UInt64(fields[1]) }
    }
    return nil
  }

  /// Microseconds that at least one process waited, of a pressure file: `total` of its line `some avg10=… avg60=… avg300=… total=N`.
  package static func stalledMicroseconds(in text: String) -> Int64? {
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("some ") }) else { return nil }
    return line.split(separator: " ").last { $0.hasPrefix("total=") }.flatMap { Int64($0.dropFirst(6)) }
  }

  /// The only number in a text, as in `memory.peak`.
  package static func number(_ text: String) -> UInt64? {
    UInt64(text.prefix { $0 != "\n" })
  }
}
