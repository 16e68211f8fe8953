import Glibc

/// The kernel's table of connections (ctnetlink), of the network namespace that this was made in.
package final class ConnectionTable: Sendable {
  private let socket: NetlinkSocket

  package init() throws(SystemError) { socket = try NetlinkSocket(.netfilter) }

  private enum Kind {
    private static let connections: UInt16 = 1 << 8
    static let new = connections | 0
    static let get = connections | 1
    static let delete = connections | 2
  }

  private enum Attribute {
    static let original: UInt16 = 1
    static let identity: UInt16 = 12
    /// Within `original`.
    static let addresses: UInt16 = 1
    /// Within `addresses`.
    static let source: UInt16 = 1
    static let destination: UInt16 = 2
  }

  private static let head: [UInt8] = [UInt8(AF_INET), 0, 0, 0]
  /// As many as fit into the socket's buffer with room to spare.
  private static let batch = 256

  /// Deletes the connections that were begun by one of `addresses`, or with one.
  ///
  /// - Returns: how many there were.
  @discardableResult
  package func forget(_ addresses: Set<IPv4Address>) throws(SystemError) -> Int {
    guard !addresses.isEmpty else { return 0 }
    return try forget("of \(addresses.count) addresses", where: addresses.contains)
  }

  /// Deletes the connections that were begun by an address in `network`, or with one.
  ///
  /// - Returns: how many there were.
  @discardableResult
  package func forget(within network: IPv4Network) throws(SystemError) -> Int {
    try forget("of \(network)", where: network.contains)
  }

  /// Deletes the connections of `network`, as ``forget(within:)`` does, unless this kernel cannot at all: then it is false.
  package func canForget(within network: IPv4Network) throws(SystemError) -> Bool {
    do { try forget(within: network) } catch  where [EOPNOTSUPP, EPROTONOSUPPORT, EINVAL].contains(error.errno) { return false }
    return true
  }

  /// The kernel can choose by one source address (since Linux 5.8), not by several and not by the other end: the whole table is looked through.
  private func forget(_ object: String, where isMeant: (IPv4Address) -> Bool) throws(SystemError) -> Int {
    var found: [Connection] = []
    var request = NetlinkRequest()
    request.append(type: Kind.get, flags: NetlinkRequest.Flag.dump, fixed: Self.head)
    try socket.ask(request, "dump connections", object) { reply in
      if reply.type == Kind.new, let connection = Connection(reply), connection.ends.contains(where: isMeant) { found.append(connection) }
    }
    var rest = found[...]
    while !rest.isEmpty {
      try delete(rest.prefix(Self.batch), object)
      rest = rest.dropFirst(Self.batch)
    }
    return found.count
  }

  private func delete(_ connections: ArraySlice<Connection>, _ object: String) throws(SystemError) {
    var request = NetlinkRequest()
    for connection in connections {
      request.append(type: Kind.delete, flags: 0, fixed: Self.head) {
        $0.add(Attribute.original | NetlinkAttributes.nested, Array(connection.tuple))
        if let identity = connection.identity { $0.add(Attribute.identity, Array(identity)) }
      }
    }
    // One that ends by itself meanwhile is what was wanted.
    try socket.ask(request, "delete connections", object, harmless: ENOENT)
  }

  private struct Connection {
    let tuple: ArraySlice<UInt8>
    let identity: ArraySlice<UInt8>?
    /// Who began it, and with whom, before any address was translated.
    let ends: [IPv4Address]

    init?(_ reply: NetlinkReply) {
      let attributes = reply.attributes(after: 4)
      guard let tuple = attributes[Attribute.original],
        let addresses = NetlinkReply(type: 0, body: tuple).attributes(after: 0)[Attribute.addresses]
      else { return nil }
      self.tuple = tuple
      identity = attributes[Attribute.identity]
      let both = NetlinkReply(type: 0, body: addresses).attributes(after: 0)
      ends = [Attribute.source, Attribute.destination].compactMap { both[$0].flatMap(IPv4Address.init(bytes:)) }
    }
  }
}
