import Glibc

/// Hears what anybody does to nftables, and tells of the loss of one table. The group NFNLGRP_NFTABLES of the kernel's messages.
package final class NetfilterWatch: Sendable {
  private let table: String
  private let socket: NetlinkSocket

  package init(table: String) throws(SystemError) {
    self.table = table
    socket = try NetlinkSocket(.netfilter, group: 7)
  }

  /// Readable when something was done.
  package var descriptor: CInt { socket.rawValue }

  /// Whether, since the last call, the table or a chain, rule or set of it was deleted; elements come and go.
  package func tellsOfLoss() throws(SystemError) -> Bool {
    do {
      return try socket.heard().contains(where: isLoss)
    } catch  where error.errno == ENOBUFS {
      // More was done than there was room to tell of: it may have been that.
      _ = try tellsOfLoss()
      return true
    }
  }

  private func isLoss(_ message: NetlinkReply) -> Bool {
    // Of tables, chains, rules, sets; the name of the table is the first attribute of each.
    let deletions: [UInt16] = [2, 5, 8, 11].map { 10 << 8 | $0 }
    guard deletions.contains(message.type), let name = message.attributes(after: 4)[1] else { return false }
    return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self) == table
  }
}
