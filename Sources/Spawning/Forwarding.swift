import Glibc
import LinuxSystem

/// Whether this host passes packets on from one device to another, as NAT needs: `net.ipv4.ip_forward`.
///
/// Where it was off, roostd turns it on, drops in its table all that is not its own, and turns it off again at its end. That it was roostd is
/// said by a set in the table, since after `kill -9` the next start finds forwarding on; a reboot forgets both.
struct Forwarding {
  private static let path = "/proc/sys/net/ipv4/ip_forward"

  /// It is on, or will be, for our sake alone.
  let isOurs: Bool
  private let isOn: Bool

  /// - Parameter wasOurs: an earlier run turned it on and could not turn it off.
  init(managed: Bool, wasOurs: Bool) throws(SystemError) {
    isOn = try Descriptor.open(Self.path, flags: O_RDONLY).readText().hasPrefix("1")
    isOurs = managed && (!isOn || wasOurs)
    if !managed && !isOn { note("network: net.ipv4.ip_forward is 0 and left so: functions reach nothing outside this host") }
  }

  /// To be called when the table stands.
  func turnOn() throws(SystemError) {
    guard isOurs, !isOn else { return }
    try Descriptor.open(Self.path, flags: O_WRONLY).write("1")
    note("network: net.ipv4.ip_forward is on for functions; all other forwarding of IPv4 is dropped")
  }

  func turnOff() throws(SystemError) {
    if isOurs { try Descriptor.open(Self.path, flags: O_WRONLY).write("0") }
  }
}
