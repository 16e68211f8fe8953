extension HostAudit {
  /// As a person reads it: facts, what is kept, then the promises.
  func lines() -> [String] {
    ["HOST"] + facts().lines() + [""] + exposureTable().lines() + [""] + keptTable().lines() + [""] + Promise.table(of: promises).lines()
  }

  private func facts() -> FactList {
    var facts = FactList()
    facts.add("kernel", kernel)
    facts.add("security modules", securityModules?.joined(separator: " ") ?? "unknown: securityfs is not mounted")
    facts.add("Landlock", landlock.map { "version \($0)" } ?? "none")
    facts.add("daemon", "\(daemon.version) at \(daemon.endpoint)")
    facts.add("callers", callers)
    facts.add("administrators", daemon.administrators)
    facts.add("host user ids", daemon.userIDs)
    for (name, state) in vulnerabilities.sorted(by: { $0.key < $1.key }) where !state.hasPrefix("Not affected") { facts.add(name, state) }
    return facts
  }

  private var callers: String {
    guard daemon.authentication == "sigv4" else { return "whoever reaches it, as account \(daemon.account)" }
    return "holders of \(daemon.accessKeys.joined(separator: ", ")), each as account \(daemon.account)"
  }

  private func exposureTable() -> TextTable {
    var table = TextTable(.left("OF THE KERNEL"), .left("FOUND"), .left("ADVICE"))
    for exposure in exposures { table.add(exposure.name, exposure.found, exposure.advice ?? "") }
    return table
  }

  private func keptTable() -> TextTable {
    var table = TextTable(.left("KEPT"), .left("WHERE"), .left("HOW LONG"))
    for kept in daemon.kept { table.add(kept.what, kept.place, kept.howLong) }
    return table
  }
}
