import Glibc

/// Network devices and routes of the network namespace that this was made in: what roostd must know and clear up. rtnetlink(7).
package final class Links: Sendable {
  private let socket: NetlinkSocket

  package init() throws(SystemError) { socket = try NetlinkSocket(.route) }

  private enum Kind {
    static let newLink: UInt16 = 16
    static let deleteLink: UInt16 = 17
    static let getLink: UInt16 = 18
    static let newAddress: UInt16 = 20
    static let getAddress: UInt16 = 22
    static let newRoute: UInt16 = 24
    static let deleteRoute: UInt16 = 25
    static let getRoute: UInt16 = 26
  }

  private enum Attribute {
    static let linkName: UInt16 = 3
    static let linkMTU: UInt16 = 4
    static let linkGroup: UInt16 = 27
    static let addressLocal: UInt16 = 2
    static let routeDestination: UInt16 = 1
    static let routeDevice: UInt16 = 4
    static let routePriority: UInt16 = 6
  }

  private static let linkHead = [UInt8](repeating: 0, count: 16)

  /// The names of the devices in the group.
  package func names(inGroup group: UInt32) throws(SystemError) -> [String] {
    var request = NetlinkRequest()
    request.append(type: Kind.getLink, flags: NetlinkRequest.Flag.dump, fixed: Self.linkHead)
    return try socket.ask(request, "RTM_GETLINK", "").compactMap { reply in
      guard reply.type == Kind.newLink else { return nil }
      let attributes = reply.attributes(after: 16)
      guard attributes[Attribute.linkGroup]?.number(at: 0, UInt32.self) == group else { return nil }
      return attributes[Attribute.linkName].map { name in String(decoding: name.prefix { $0 != 0 }, as: UTF8.self) }
    }
  }

  /// Deletes every device in the group, which is not 0; with a veth its other end goes, too.
  package func delete(group: UInt32) throws(SystemError) {
    precondition(group != 0, "group 0 is everybody's")
    var request = NetlinkRequest()
    request.append(type: Kind.deleteLink, flags: NetlinkRequest.Flag.acknowledge, fixed: Self.linkHead) {
      $0.add(Attribute.linkGroup, native(group))
    }
    do {
      try socket.ask(request, "RTM_DELLINK", "group \(group)")
    } catch  where error.errno == ENODEV {
      return
    }
  }

  /// The MTU of the device that packets to the outside take; `nil` when there is no way out.
  package func uplinkMTU() throws(SystemError) -> UInt32? {
    var request = NetlinkRequest()
    // Of 192.0.2.1, which is nobody's: only the default route leads there.
    request.append(type: Kind.getRoute, flags: 0, fixed: Self.routeHead(prefixLength: 32, type: 0)) {
      $0.add(Attribute.routeDestination, [192, 0, 2, 1])
    }
    let replies: [NetlinkReply]
    do {
      replies = try socket.ask(request, "RTM_GETROUTE", "192.0.2.1")
    } catch  where [ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL].contains(error.errno) {
      return nil
    }
    let device = replies.first { $0.type == Kind.newRoute }?.attributes(after: 12)[Attribute.routeDevice]?.number(at: 0, UInt32.self)
    return try device.flatMap { device throws(SystemError) in try mtu(device: device) }
  }

  private func mtu(device: UInt32) throws(SystemError) -> UInt32? {
    var request = NetlinkRequest()
    request.append(type: Kind.getLink, flags: 0, fixed: [0, 0, 0, 0] + native(device) + [UInt8](repeating: 0, count: 8))
    let replies = try socket.ask(request, "RTM_GETLINK", "device \(device)")
    return replies.first { $0.type == Kind.newLink }?.attributes(after: 16)[Attribute.linkMTU]?.number(at: 0, UInt32.self)
  }

  /// The IPv4 addresses of this namespace, as networks of one.
  package func addresses() throws(SystemError) -> [IPv4Network] {
    var request = NetlinkRequest()
    request.append(type: Kind.getAddress, flags: NetlinkRequest.Flag.dump, fixed: [UInt8(AF_INET), 0, 0, 0, 0, 0, 0, 0])
    return try socket.ask(request, "RTM_GETADDR", "").filter { $0.type == Kind.newAddress }.compactMap {
      $0.attributes(after: 8)[Attribute.addressLocal].flatMap(IPv4Network.init(bytes:))
    }
  }
}

// MARK: Claimed ranges

extension Links {
  /// A route of the main table.
  package struct Route: Hashable, Sendable {
    package var destination: IPv4Network
    package var priority: UInt32
    package var isUnreachable: Bool
  }

  private static let unreachable: UInt8 = 7
  private static let mainTable: UInt8 = 254
  /// As in CSandbox: a routing protocol number nobody else uses.
  private static let ownProtocol: UInt8 = 82

  private static func routeHead(prefixLength: UInt8, type: UInt8) -> [UInt8] {
    [UInt8(AF_INET), prefixLength, 0, 0, type == 0 ? 0 : mainTable, type == 0 ? 0 : ownProtocol, 0, type, 0, 0, 0, 0]
  }

  /// The IPv4 routes of the main table, the default routes left out.
  package func routes() throws(SystemError) -> [Route] {
    var request = NetlinkRequest()
    request.append(type: Kind.getRoute, flags: NetlinkRequest.Flag.dump, fixed: [UInt8(AF_INET)] + [UInt8](repeating: 0, count: 11))
    return try socket.ask(request, "RTM_GETROUTE", "").compactMap { reply in
      guard reply.type == Kind.newRoute, reply.body.number(at: 4, UInt8.self) == Self.mainTable,
        let length = reply.body.number(at: 1, UInt8.self), length <= 32
      else { return nil }
      let attributes = reply.attributes(after: 12)
      guard let destination = attributes[Attribute.routeDestination].flatMap(IPv4Network.init(bytes:)) else { return nil }
      return Route(
        destination: IPv4Network(destination.first, prefixLength: length),
        priority: attributes[Attribute.routePriority]?.number(at: 0, UInt32.self) ?? 0,
        isUnreachable: reply.body.number(at: 7, UInt8.self) == Self.unreachable)
    }
  }

  /// Says that the network leads nowhere unless a narrower route says otherwise; `priority` tells whose word that is.
  package func addUnreachable(_ network: IPv4Network, priority: UInt32) throws(SystemError) {
    try change(Kind.newRoute, NetlinkRequest.Flag.create | NetlinkRequest.Flag.exclusive, network, priority, "RTM_NEWROUTE")
  }

  package func deleteUnreachable(_ network: IPv4Network, priority: UInt32) throws(SystemError) {
    try change(Kind.deleteRoute, 0, network, priority, "RTM_DELROUTE")
  }

  private func change(
    _ kind: UInt16, _ flags: UInt16, _ network: IPv4Network, _ priority: UInt32, _ call: String
  ) throws(SystemError) {
    var request = NetlinkRequest()
    let head = Self.routeHead(prefixLength: network.prefixLength, type: Self.unreachable)
    request.append(type: kind, flags: flags | NetlinkRequest.Flag.acknowledge, fixed: head) {
      $0.add(Attribute.routeDestination, network.first.bytes)
      $0.add(Attribute.routePriority, native(priority))
    }
    try socket.ask(request, call, "unreachable \(network)")
  }
}

extension IPv4Network {
  fileprivate init?(bytes: ArraySlice<UInt8>) {
    guard let address = IPv4Address(bytes: bytes) else { return nil }
    self.init(address, prefixLength: 32)
  }
}
