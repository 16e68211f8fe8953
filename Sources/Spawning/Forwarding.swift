import Glibc
import LinuxSystem

/// Whether this host passes packets on from one device to another, as NAT needs: `net.ipv4.ip_forward`.
///
/// Where it was off, roostd turns it on, drops in its table all that is not of a roostd, and turns it off again at its end, unless another
/// one goes on. That it was roostd is said by a set in its table, since after `kill -9` the next start finds forwarding on, as does a second
/// roostd; a reboot forgets both.
struct Forwarding {
  private static let path = "/proc/sys/net/ipv4/ip_forward"

  /// It is on, or will be, for our sake alone.
  let isOurs: Bool
  private let isOn: Bool

  init(managed: Bool, table: NetfilterTable) throws(SystemError) {
    isOn = try Descriptor.open(Self.path, flags: O_RDONLY).readText().hasPrefix("1")
    let marked = try table.tables(withSet: NetworkRuleset.forwardingMark)
    isOurs = managed && (!isOn || !marked.isEmpty)
    if !managed && !isOn { note("network: net.ipv4.ip_forward is 0 and left so: functions reach nothing outside this host") }
  }

  /// To be called when the table stands.
  func turnOn() throws(SystemError) {
    guard isOurs, !isOn else { return }
    try Descriptor.open(Self.path, flags: O_WRONLY).write("1")
    note("network: net.ipv4.ip_forward is on for functions; all other forwarding of IPv4 is dropped")
  }

  /// To be called while the table stands.
  func turnOff(_ table: NetfilterTable) throws(SystemError) {
    let others = try table.tables(withSet: NetworkRuleset.forwardingMark).subtracting([table.name])
    if isOurs && others.isEmpty { try Self.turnOff() }
  }

  /// Whose it was is the caller's to know.
  static func turnOff() throws(SystemError) { try Descriptor.open(path, flags: O_WRONLY).write("0") }
}
