import CLinux
import Glibc

/// A socket to one of the kernel's netlink families, in the network namespace of its making. See netlink(7).
///
/// The families used here answer within the send, so nothing waits.
struct NetlinkSocket: ~Copyable, Sendable {
  enum Family: CInt {
    case route = 0
    case netfilter = 12
  }

  private let descriptor: Descriptor

  /// - Parameter group: of which the kernel's messages come to it, too.
  init(_ family: Family, group: CInt? = nil) throws(SystemError) {
    let made = Descriptor(owning: try checked(clinux_netlink(family.rawValue, 1 << 20), "socket AF_NETLINK", "family \(family.rawValue)"))
    if let group { try checked(clinux_netlink_join(made.rawValue, group), "bind AF_NETLINK", "group \(group)") }
    descriptor = made
  }

  var rawValue: CInt { descriptor.rawValue }

  /// Sends, and takes the first refusal among the answers as this call's error.
  ///
  /// - Returns: what was answered beside acknowledgements.
  @discardableResult
  func ask(_ request: NetlinkRequest, _ call: String, _ object: String) throws(SystemError) -> [NetlinkReply] {
    guard try descriptor.write(request.bytes[...]) != nil else { throw SystemError(call: call, object: object, errno: EAGAIN) }
    var replies: [NetlinkReply] = []
    var refusal: Int32 = 0
    for reply in try received() {
      if reply.type != Self.error {
        replies.append(reply)
      } else if let code = reply.body.number(at: 0, Int32.self), code != 0, refusal == 0 {
        refusal = -code
      }
    }
    guard refusal == 0 else { throw SystemError(call: call, object: object, errno: refusal) }
    return replies
  }

  /// All that has come. A long answer comes in several packets, and each is put together when the one before is read.
  func received() throws(SystemError) -> [NetlinkReply] {
    var messages: [NetlinkReply] = []
    while true {
      var packet: [UInt8] = []
      guard case .bytes = try descriptor.read(into: &packet, upTo: 1 << 16) else { return messages }
      messages += NetlinkReply.messages(in: packet)
    }
  }

  /// What the kernel has told the group, without having been asked.
  func heard() throws(SystemError) -> [NetlinkReply] {
    var messages: [NetlinkReply] = []
    while let packet = try StreamSocket.receive(from: descriptor, limit: 1 << 16), !packet.isEmpty {
      messages += NetlinkReply.messages(in: packet)
    }
    return messages
  }

  private static let error: UInt16 = 2
}
