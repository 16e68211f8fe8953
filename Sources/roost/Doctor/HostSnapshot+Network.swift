import Glibc
import LinuxSystem

/// What the kernel said when it was asked for its nftables.
enum PacketFilterState: Sendable, Hashable {
  case usable
  /// Only root may ask.
  case notPermitted
  /// In the kernel's words.
  case refused(String)

  /// Lists tables, and changes nothing. A message to netlink, netfilter's.
  static func ofThisHost() -> PacketFilterState {
    do throws(SystemError) {
      _ = try NetfilterTable(name: "roost-doctor").tables(withSet: "sandboxes")
      return .usable
    } catch {
      return error.errno == EPERM ? .notPermitted : .refused("\(error)")
    }
  }
}

extension HostSnapshot {
  var networkFindings: [Finding] { [packetFilterFinding] }

  /// The way out of functions, `nat`. Without it those start alone whose egress is `none`.
  private var packetFilterFinding: Finding {
    let name = "nftables", instead = "no function with egress nat starts"
    guard let program = packetFilterProgram else {
      return .substitute(name, "no /usr/sbin/nft", instead: instead, remedy: "apt-get install nftables; or `egress: none` for all")
    }
    switch packetFilter {
    case .usable: return .ok(name, "\(program), and the kernel answers")
    case .notPermitted where modules.contains("/nf_tables.ko"): return .ok(name, "\(program); loadable module, not asked without root")
    case .notPermitted: return .ok(name, "\(program); the kernel tells root alone")
    case .refused(let reason):
      return .substitute(name, reason, instead: instead, remedy: "modprobe nf_tables, or a kernel with it")
    }
  }
}
