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
    static let filter: UInt16 = 25
    /// Within `original`.
    static let addresses: UInt16 = 1
    /// Within `addresses`.
    static let source: UInt16 = 1
    /// Within `filter`.
    static let originalFlags: UInt16 = 1
  }

  private static let head: [UInt8] = [UInt8(AF_INET), 0, 0, 0]
  /// As many as fit into the socket's buffer with room to spare.
  private static let batch = 256

  /// Deletes the connections that `source` has begun.
  ///
  /// - Returns: how many there were.
  @discardableResult
  package func forget(source: IPv4Address) throws(SystemError) -> Int {
    let connections = try connections(from: source)
    var rest = connections[...]
    while !rest.isEmpty {
      var request = NetlinkRequest()
      for connection in rest.prefix(Self.batch) {
        request.append(type: Kind.delete, flags: 0, fixed: Self.head) {
          $0.add(Attribute.original | NetlinkAttributes.nested, Array(connection.tuple))
          if let identity = connection.identity { $0.add(Attribute.identity, Array(identity)) }
        }
      }
      // One that ends by itself meanwhile is what was wanted.
      do { try socket.ask(request, "delete connections", "of \(source)") } catch  where error.errno == ENOENT {}
      rest = rest.dropFirst(Self.batch)
    }
    return connections.count
  }

  private struct Connection {
    var tuple: ArraySlice<UInt8>
    var identity: ArraySlice<UInt8>?
  }

  /// Chosen by the kernel, and looked at again: before Linux 5.8 it answers with all.
  private func connections(from source: IPv4Address) throws(SystemError) -> [Connection] {
    var request = NetlinkRequest()
    request.append(type: Kind.get, flags: NetlinkRequest.Flag.dump, fixed: Self.head) {
      $0.add(Attribute.original) { $0.add(Attribute.addresses) { $0.add(Attribute.source, source.bytes) } }
      $0.add(Attribute.filter) { $0.add(Attribute.originalFlags, native(1 as UInt32)) }
    }
    return try socket.ask(request, "dump connections", "of \(source)").compactMap { reply in
      let attributes = reply.attributes(after: 4)
      guard reply.type == Kind.new, let tuple = attributes[Attribute.original],
        let addresses = NetlinkReply(type: 0, body: tuple).attributes(after: 0)[Attribute.addresses],
        let found = NetlinkReply(type: 0, body: addresses).attributes(after: 0)[Attribute.source], Array(found) == source.bytes
      else { return nil }
      return Connection(tuple: tuple, identity: attributes[Attribute.identity])
    }
  }
}
