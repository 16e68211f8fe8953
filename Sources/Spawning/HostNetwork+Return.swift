import Glibc
import LinuxSystem

// How the addresses of sandboxes that have ended come to be free again.

extension HostNetwork {
  /// How long the addresses of ended sandboxes are gathered: looking through the host's connections costs the same for one and for all.
  private static let gathering = Duration.milliseconds(500)
  /// After something went wrong.
  private static let pause = Duration.seconds(1)

  /// From now on no packet of it passes. The connections that it had are forgotten in a moment, and then its address may be another's.
  func dismiss(_ lease: Lease) {
    leases[lease.address] = nil
    withdrawOrNote(lease)
    tidySoon()
  }

  func withdrawOrNote(_ lease: Lease) {
    if let error = withdraw(lease) {
      note("network of \(lease.deviceName): \(error); its address \(lease.address) is not used again before it is out of the table")
    }
  }

  /// Takes it out of the sets; that it is in none is certain afterwards, or it is spoiled for the reason that is returned.
  private func withdraw(_ lease: Lease) -> SystemError? {
    do {
      try remove(lease.elements)
      departed.insert(lease.address)
      return nil
    } catch {
      spoiled.append(lease)
      return error
    }
  }

  private func remove(_ elements: [NetfilterTable.Element]) throws(SystemError) {
    do { try table.remove(elements) } catch  where error.errno == ENOENT {
      // One was missing, and so all stayed.
      for element in elements {
        do { try table.remove([element]) } catch  where error.errno == ENOENT {}
      }
    }
  }

  func retrySpoiled() {
    let again = spoiled
    spoiled = []
    // Why it cannot be done was said the first time.
    for lease in again { _ = withdraw(lease) }
  }

  /// Nobody waits for it, so that it costs no sandbox anything.
  func tidySoon(after delay: Duration = gathering) {
    guard let keeping, keeping.tidying == nil else { return }
    self.keeping?.tidying = keeping.loop.after(delay) { [weak self] in
      self?.keeping?.tidying = nil
      self?.tidy()
    }
  }

  private func tidy() {
    retrySpoiled()
    handToForgetter()
    if !spoiled.isEmpty || !departed.isEmpty { tidySoon(after: Self.pause) }
  }

  /// - Parameter waiting: until what it has now, and what it is handed, is done.
  func handToForgetter(waiting: Bool = false) {
    guard let forgetter else {
      addresses.give(back: departed)
      departed = []
      return
    }
    if waiting { heedForgetter(waiting: true) }
    guard !departed.isEmpty, forgetter.forget(departed) else { return }
    departed = []
    if waiting { heedForgetter(waiting: true) }
  }

  /// Takes the forgetter's word for what it was handed last.
  func heedForgetter(waiting: Bool = false) {
    guard let outcome = forgetter?.outcome(waiting: waiting) else { return }
    if let error = outcome.error {
      note("network: connections of functions that ended are still there: \(error)")
      departed.formUnion(outcome.addresses)
      tidySoon(after: Self.pause)
    } else {
      addresses.give(back: outcome.addresses)
    }
  }
}
