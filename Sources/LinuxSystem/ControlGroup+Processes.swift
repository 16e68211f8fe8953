import CLinux
import Glibc

extension ControlGroup {
  /// Stops every process of the group where it is. On v2 this returns before the last one has stopped.
  package func freeze() throws(SystemError) {
    if let unified { return try unified.write("1", to: "cgroup.freeze") }
    try member(with: .freezer)?.write("FROZEN", to: "freezer.state")
  }

  package func thaw() throws(SystemError) {
    if let unified { return try unified.write("0", to: "cgroup.freeze") }
    try member(with: .freezer)?.write("THAWED", to: "freezer.state")
  }

  /// Sends SIGKILL to every process of the group, frozen or not. `cgroup.kill` (since 5.14) where there is a v2 tree; on pure v1 the
  /// group is frozen, so that nobody forks or goes, every process signalled, and thawed, so that they can die.
  package func killAll() throws(SystemError) {
    try unified?.write("1", to: "cgroup.kill")
    // Beside a v2 tree too: a process that was stopped between its clone and its exec may be in some of the groups only.
    let ordinary = members.filter { $0.hierarchy.version == .v1 }
    if unified == nil { try freezeFirmly() }
    for member in ordinary { try member.killListed() }
    if unified == nil { try thaw() }
  }

  /// v1 only: FROZEN, or FREEZING for good (a task in an uninterruptible wait), after at most 50 looks.
  private func freezeFirmly() throws(SystemError) {
    guard let freezer = member(with: .freezer) else { return }
    try freezer.write("FROZEN", to: "freezer.state")
    for _ in 0..<50 {
      if try freezer.read("freezer.state") == "FROZEN\n" { return }
      sched_yield()
    }
  }

  /// Whether no process is left; one that is dead and not reaped does not count.
  package func isEmpty() throws(SystemError) -> Bool {
    for member in members {
      if try !member.isEmpty() { return false }
    }
    return true
  }

  /// Removes the group's directories, waiting at most `limit` for its last processes to go. Nothing happens where it is gone already.
  ///
  /// - Throws: EBUSY when processes are still in it then.
  package func remove(within limit: Duration = .seconds(1)) throws(SystemError) {
    let deadline = ContinuousClock.now + limit
    for directory in tree.directories.reversed() {
      try directory.removeChild(name, within: max(.zero, ContinuousClock.now.duration(to: deadline)))
    }
  }
}

extension ControlGroupDirectory {
  func isEmpty() throws(SystemError) -> Bool {
    switch hierarchy.version {
    case .v2: ControlGroupText.counter("populated", in: try read("cgroup.events")) == 0
    case .v1: try read("cgroup.procs").isEmpty
    }
  }

  /// Signals every process that `cgroup.procs` lists.
  fileprivate func killListed() throws(SystemError) {
    var pidfds: [(processID: Int32, pidfd: CInt)] = []
    var owned = DescriptorList()
    for processID in try listedProcesses() {
      let pidfd = clinux_pidfd_open(processID)
      if pidfd == -ESRCH { continue }
      owned.append(Descriptor(owning: try checked(pidfd, "pidfd_open", "process \(processID)")))
      pidfds.append((processID, pidfd))
    }
    guard !pidfds.isEmpty else { return }
    // A number may have passed to a stranger before its pidfd was opened; one that is listed still, or again, has not.
    let listed = Set(try listedProcesses())
    for (processID, pidfd) in pidfds where listed.contains(processID) {
      let answer = clinux_pidfd_send_signal(pidfd, SIGKILL)
      if answer != -ESRCH { try checked(answer, "pidfd_send_signal", "process \(processID)") }
    }
  }

  /// 0 stands for a process of another pid namespace, and as an argument of a call for ourselves: it is left out.
  func listedProcesses() throws(SystemError) -> [Int32] {
    let list = try open("cgroup.procs", flags: O_RDONLY).readAll(limit: 1 << 20)
    return String(decoding: list, as: UTF8.self).split(separator: "\n").compactMap { Int32($0) }.filter { $0 > 0 }
  }

  /// rmdir(2) of the group `name` in this one, and of what is in it, again and again while it is busy.
  func removeChild(_ name: String, within limit: Duration) throws(SystemError) {
    // Nearly always there is nothing in it, and this does.
    do { return try descriptor.remove(name, isDirectory: true) } catch let error where error.errno == ENOENT || error.errno == EBUSY {}
    guard let child = try child(name) else { return }
    for grandchild in try child.childNames() { try child.removeChild(grandchild, within: limit) }
    let deadline = ContinuousClock.now + limit
    while true {
      do {
        return try descriptor.remove(name, isDirectory: true)
      } catch let error where error.errno == ENOENT {
        return
      } catch let error where error.errno == EBUSY && ContinuousClock.now < deadline {
        try child.waitForChange()
      } catch {
        throw error.about("\(path)/\(name)")
      }
    }
  }

  /// Until the kernel tells of a change (v2), but not longer than 5 ms: its notices may come late, and v1 gives none.
  private func waitForChange() throws(SystemError) {
    let poller = try Poller()
    let events = hierarchy.version == .v2 ? try openIfPresent("cgroup.events", flags: O_RDONLY) : nil
    if let events {
      _ = try events.readText()
      try poller.add(events.rawValue, for: .priority, token: 0)
    }
    _ = try poller.wait(timeout: .milliseconds(5))
  }
}
