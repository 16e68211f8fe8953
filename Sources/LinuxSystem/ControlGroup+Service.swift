import Glibc

extension ControlGroup {
  /// Makes a group for a service of the host beside the sandboxes: as many processes and threads as `processLimit`, no limit of memory, and on a
  /// busy processor before every sandbox, since all of them wait for it. Leaves nothing behind when a step fails.
  package static func makeForService(
    in tree: ControlGroupTree, name: String, processLimit: UInt32
  ) throws(SystemError) -> ControlGroup {
    var members: [ControlGroupDirectory] = []
    do {
      for directory in tree.directories { members.append(try directory.makeChild(name)) }
      let group = ControlGroup(name: name, tree: tree, members: members)
      if let pids = group.member(with: .pids) { try pids.write("\(processLimit)", to: "pids.max") }
      // As much as the kernel allows against the 1,024 shares, or the weight of 100, of a sandbox.
      if let cpu = group.member(with: .cpu) {
        try cpu.hierarchy.version == .v1 ? cpu.write("262144", to: "cpu.shares") : cpu.write("10000", to: "cpu.weight")
      }
      return group
    } catch {
      for (directory, _) in zip(tree.directories, members) {
        // The first failure is the one to tell; what cannot be removed now is reaped at the next start.
        try? directory.removeChild(name, within: .zero)
      }
      throw error
    }
  }
}
