import Glibc

/// One nftables table of the family `inet`: what changes in it while sandboxes come and go, in the kernel's own messages.
///
/// Its chains and rules are loaded by the `nft` program, once.
package final class NetfilterTable: Sendable {
  package let name: String
  private let socket: NetlinkSocket

  package init(name: String) throws(SystemError) {
    self.name = name
    socket = try NetlinkSocket(.netfilter)
  }

  /// An element of a set: its name, and the key as the kernel has it (each field padded to four bytes).
  package struct Element: Sendable, Hashable {
    package var set: String
    package var key: [UInt8]

    package init(set: String, key: [UInt8]) {
      self.set = set
      self.key = key
    }

    /// In a set of addresses.
    package init(set: String, address: IPv4Address) { self.init(set: set, key: address.bytes) }

    /// In a set of devices with an address each.
    package init(set: String, device: String, address: IPv4Address) {
      let name = Array(device.utf8.prefix(15))
      self.init(set: set, key: name + [UInt8](repeating: 0, count: 16 - name.count) + address.bytes)
    }
  }

  /// All of them or, when it throws, none.
  package func add(_ elements: [Element]) throws(SystemError) {
    try change(elements, type: Kind.newElement, flags: NetlinkRequest.Flag.create | NetlinkRequest.Flag.exclusive, "add element")
  }

  /// All of them or, when it throws, none.
  package func remove(_ elements: [Element]) throws(SystemError) {
    try change(elements, type: Kind.deleteElement, flags: 0, "delete element")
  }

  /// - Returns: whether it was there.
  @discardableResult
  package func delete() throws(SystemError) -> Bool {
    do {
      try send("delete table") { request in
        request.append(type: Kind.deleteTable, flags: NetlinkRequest.Flag.acknowledge, fixed: Self.head) {
          $0.add(Attribute.table, text: name)
        }
      }
      return true
    } catch  where error.errno == ENOENT {
      return false
    }
  }

  /// The tables of all programs that have a set of this name.
  package func tables(withSet set: String) throws(SystemError) -> Set<String> {
    var request = NetlinkRequest()
    request.append(type: Kind.getSet, flags: NetlinkRequest.Flag.dump, fixed: Self.head)
    let replies = try socket.ask(request, "dump sets", "")
    let found = replies.compactMap { reply -> String? in
      let attributes = reply.attributes(after: 4)
      guard let table = attributes[Attribute.table], attributes[Attribute.set].map(text) == set else { return nil }
      return text(table)
    }
    return Set(found)
  }

  private func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }

  private enum Kind {
    private static let nftables: UInt16 = 10 << 8
    static let batchBegin: UInt16 = 16
    static let batchEnd: UInt16 = 17
    static let deleteTable = nftables | 2
    static let getSet = nftables | 10
    static let newElement = nftables | 12
    static let deleteElement = nftables | 14
  }

  private enum Attribute {
    /// Of a table, and of a list of elements.
    static let table: UInt16 = 1
    static let set: UInt16 = 2
    static let elements: UInt16 = 3
    static let listElement: UInt16 = 1
    static let key: UInt16 = 1
    static let value: UInt16 = 1
  }

  /// nfgenmsg: the family `inet`, version 0, no resource.
  private static let head: [UInt8] = [1, 0, 0, 0]
  /// A batch is for the subsystem nftables, whose number stands in the resource field, big-endian.
  private static let batchHead: [UInt8] = [0, 0, 0, 10]

  private func change(_ elements: [Element], type: UInt16, flags: UInt16, _ call: String) throws(SystemError) {
    guard !elements.isEmpty else { return }
    try send(call) { request in
      for element in elements {
        request.append(type: type, flags: flags | NetlinkRequest.Flag.acknowledge, fixed: Self.head) {
          $0.add(Attribute.table, text: name)
          $0.add(Attribute.set, text: element.set)
          $0.add(Attribute.elements) { $0.add(Attribute.listElement) { $0.add(Attribute.key) { $0.add(Attribute.value, element.key) } } }
        }
      }
    }
  }

  private func send(_ call: String, _ body: (inout NetlinkRequest) -> Void) throws(SystemError) {
    var request = NetlinkRequest()
    request.append(type: Kind.batchBegin, flags: 0, fixed: Self.batchHead)
    body(&request)
    request.append(type: Kind.batchEnd, flags: 0, fixed: Self.batchHead)
    try socket.ask(request, call, "table \(name)")
  }
}
