package import LinuxSystem

// The policy of running sandboxes is kept while they run: an administrator who reloads a firewall with `nft flush ruleset` takes every table.

extension HostNetwork {
  /// Makes the table again, with everybody in it, whenever it or a part of it has been removed.
  ///
  /// Between the loss and that there is no policy: for as long as nft takes to load the table.
  package func keepPolicy(on loop: EventLoop) throws(SystemError) {
    keeping = (loop, try loop.watch(watch.descriptor) { [weak self] in self?.heedChanges() })
  }

  func stopKeeping() {
    guard let (loop, token) = keeping.take() else { return }
    loop.cancel(token)
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
    do {
      try Self.load(ruleset.text + ruleset.members(leases.values))
      spoiled = []
      // Our own replacement was told of, too; what somebody has removed since shows in what there is.
      _ = try watch.tellsOfLoss()
      guard try table.tables(withSet: NetworkRuleset.sandboxes).contains(table.name) else {
        throw Unavailable(description: "the table was removed again at once")
      }
      note("network: somebody removed table inet \(table.name); it was made again, with \(leases.count) sandboxes in it")
    } catch {
      note("network: table inet \(table.name) was removed, and cannot be made again: \(error)")
      cutOff()
      keeping?.loop.after(.seconds(1)) { [weak self] in
        if self?.keeping != nil { self?.mend() }
      }
    }
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
