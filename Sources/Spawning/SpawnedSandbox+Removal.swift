import Glibc
import LinuxSystem
import SpawnProtocol

extension SpawnedSandbox {
  /// PID 1 takes all others with it. Tasks frozen by v1 die when they are thawed, by v2 at once.
  func kill(isRepeated: Bool = false) {
    do {
      try child?.process.send(signal: SIGKILL)
      if group?.freezer == .v1 { try group?.thaw() }
    } catch {
      if !isRepeated { note("sandbox \(id.number) cannot be killed yet: \(error)") }
      // Whatever was short may be there again; else its processes and its memory would stay for good.
      surroundings.loop.after(.milliseconds(20)) { [weak self] in self?.kill(isRepeated: true) }
    }
    // Its end is not watched: that was what failed.
    if child != nil && processWatch == nil { reap() }
  }

  func reap() {
    guard let child else { return }
    do {
      guard try child.process.reap() != nil else {
        if processWatch == nil { surroundings.loop.after(.milliseconds(20)) { [weak self] in self?.reap() } }
        return
      }
    } catch {
      note("sandbox \(id.number): \(error)")
    }
    if let processWatch { surroundings.loop.cancel(processWatch) }
    processWatch = nil
    // What the child said before its end comes first.
    hear()
    endSetUp()
    handle(.processEnded)
  }

  /// The groups are empty once PID 1 is reaped, but the kernel may need a moment to see it (EBUSY), or be short of something.
  func remove(keepVolume: Bool, answers: [SpawnEvent], attemptsLeft: Int) {
    do {
      try group?.remove(within: .zero)
    } catch  where attemptsLeft > 0 {
      surroundings.loop.after(.milliseconds(5)) { [self] in
        remove(keepVolume: keepVolume, answers: answers, attemptsLeft: attemptsLeft - 1)
      }
      return
    } catch {
      note("sandbox \(id.number): control group left behind: \(error)")
    }
    if let network = network.take() { surroundings.host.network?.dismiss(network) }
    giveVolumeBack(keep: keepVolume)
    child = nil
    group = nil
    surroundings.forget(id)
    for answer in answers { surroundings.send(answer, DescriptorList()) }
  }

  /// A volume that an earlier sandbox left for this one stays for the next when this one cannot be made.
  private func giveVolumeBack(keep: Bool) {
    if let ticket = volumeTicket.take() { surroundings.volumes.cancel(ticket) }
    guard let volume = volume.take(), let id = order.volume?.id else { return }
    if keep || (volumeWasKept && !wasAnnounced) {
      surroundings.volumes.keep(volume, as: id)
    } else {
      surroundings.volumes.drop(volume)
    }
  }
}
