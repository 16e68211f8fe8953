import FunctionModel

extension EnvironmentAudit {
  /// As a person reads it: facts, mounts, then the promises.
  func lines() -> [String] {
    ["ENVIRONMENT \(id)"] + facts().lines() + [""] + mountTable().lines() + [""] + Promise.table(of: promises).lines()
  }

  private func facts() -> FactList {
    var facts = FactList()
    facts.add("function", function)
    facts.add("state", state)
    facts.add("user", "\(identity.userMap) (inside, on the host, how many); setgroups \(identity.setGroups)")
    facts.add("processes", processes.map { "\($0.name) (\($0.id))" }.joined(separator: ", "))
    for process in processes { facts.add("open in \(process.name)", all: process.descriptors.map { "\($0.number)=\($0.target)" }) }
    add(filter, to: &facts)
    facts.add("namespaces", all: namespaces.sorted { $0.key < $1.key }.map(\.value))
    facts.add("/proc covered", all: processFiles["masked"] ?? [])
    facts.add("/proc closed", all: processFiles["closed"] ?? [])
    facts.add("/proc readable", all: processFiles["readable"] ?? [])
    facts.add("/dev", all: devices)
    if let limits = processes.first?.limits { facts.add("limits", Self.text(of: limits)) }
    for file in controlGroupFiles { facts.add("control group", "\(file.path) = \(file.value)") }
    facts.add("network policy", egress ?? "not told")
    facts.add("interfaces", all: network.interfaces)
    facts.add("ways out", all: network.routes)
    facts.add("listens", all: network.listeners)
    facts.add("name servers", all: network.nameServers)
    facts.add("variables", all: variables)
    facts.add("AWS credentials", all: credentialVariables)
    return facts
  }

  private func add(_ filter: FilterAudit?, to facts: inout FactList) {
    guard let filter else { return facts.add("filter", "not shown by the kernel") }
    facts.add("filter", "sha256:\(filter.sha256), \(filter.instructions) instructions")
    facts.add("calls allowed", all: filter.allowed)
    facts.add("by argument", all: filter.decidedByArgument)
    facts.add("without effect", all: filter.ineffective)
    for (errno, names) in filter.refused.sorted(by: { $0.key < $1.key }) where !names.isEmpty { facts.add("refused, \(errno)", all: names) }
  }

  private static func text(of limits: [String: ProcessSnapshot.Limit]) -> String {
    limits.filter { $0.value.hard != nil }.sorted { $0.key < $1.key }
      .map { "\($0.key.dropFirst("Max ".count)) \($0.value.hard.map(String.init) ?? "")" }.joined(separator: ", ")
  }

  private func mountTable() -> TextTable {
    var table = TextTable(.left("MOUNT"), .left("TYPE"), .left("SOURCE"), .left("OPTIONS"))
    for mount in mounts { table.add(mount.point, mount.type, mount.source, mount.options.joined(separator: ",")) }
    return table
  }
}
