package import LinuxSystem

// The policy of running sandboxes is kept while they run: an administrator who reloads a firewall with `nft flush ruleset` takes every table.

extension HostNetwork {
  /// What the loop does for the network.
  struct Keeping {
    let loop: EventLoop
    var watches: [EventLoop.Token] = []
    /// The next attempt to make the table.
    var retry: EventLoop.Token?
    /// The next round for addresses of sandboxes that have ended.
    var tidying: EventLoop.Token?
  }

  /// Makes the table again, with everybody in it, whenever it or a part of it has been removed; and gives the addresses of ended sandboxes back.
  ///
  /// Between the loss and that there is no policy: for as long as nft takes to load the table. What was begun then does not stay.
  package func keepPolicy(on loop: EventLoop) throws(SystemError) {
    keeping = Keeping(loop: loop)
    keeping?.watches.append(try loop.watch(watch.descriptor) { [weak self] in self?.heedChanges() })
    guard let forgetter else { return }
    keeping?.watches.append(try loop.watch(forgetter.notice) { [weak self] in self?.heedForgetter() })
  }

  func stopKeeping() {
    guard let keeping = keeping.take() else { return }
    (keeping.watches + [keeping.retry, keeping.tidying].compactMap { $0 }).forEach(keeping.loop.cancel)
  }

  private func heedChanges() {
    do {
      if try watch.tellsOfLoss() { mend() }
    } catch {
      note("network: nobody tells what is done to nftables: \(error)")
      mend()
    }
  }

  /// Who cannot be given the policy again has no way out at all.
  func mend() {
    // It may have been called for another reason than that: there is one next attempt at a time.
    if let retry = keeping?.retry.take() { keeping?.loop.cancel(retry) }
    do {
      try makeTableAgain()
      isMissing = false
      note("network: somebody removed table inet \(table.name); it was made again, with \(leases.count) sandboxes in it")
    } catch {
      isMissing = true
      note("network: table inet \(table.name) was removed, and cannot be made again: \(error)")
      cutOff()
      mendLater()
    }
  }

  private func mendLater() {
    let retry = keeping?.loop.after(.seconds(1)) { [weak self] in
      self?.keeping?.retry = nil
      self?.mend()
    }
    keeping?.retry = retry
  }

  private func makeTableAgain() throws {
    try Self.load(ruleset.text + ruleset.members(leases.values))
    // Our own replacement was told of, too; what somebody has removed since shows in what there is.
    _ = try watch.tellsOfLoss()
    guard try table.tables(withSet: NetworkRuleset.sandboxes).contains(table.name) else {
      throw Unavailable(description: "the table was removed again at once")
    }
    // Whoever has ended is in none of the new sets.
    departed.formUnion(spoiled.map(\.address))
    spoiled = []
    // What has begun while nothing held them counts as known, and would pass for as long as it lives.
    try forgetAllConnections()
  }

  /// Of the whole pool: also with sandboxes that have ended meanwhile, and of others to them.
  func forgetAllConnections() throws(SystemError) {
    if forgetter != nil { try connections.forget(within: addresses.range) }
  }

  private func cutOff() {
    do {
      try links.delete(group: group)
      note("network: running sandboxes have lost their devices, and stay without")
    } catch {
      note("network: RUNNING SANDBOXES HAVE NO POLICY: \(error)")
    }
  }
}
