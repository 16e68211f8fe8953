// Unpacking: from the bytes of a zip to the records of ArchiveStream. It holds no state, knows no files, and is linked by `roost-unpack`
// alone, which runs where it can do no harm.

package import ArchiveStream

/// Unpacks a zip: a function of its bytes and the limits.
///
/// - Of several entries of one name all are told, in the order of their data: the last is to win, as with `unzip -o`.
/// - No file is told beyond the size it declared, and the declared sizes together are within the limit (``ZipDirectory``): a bomb that lies
///   is stopped where its lie begins.
package enum Unpacking {
  /// Calls `tell` with each record, the end included; what it throws comes out. A refusal is thrown, not told.
  package static func unpack(
    _ zip: [UInt8], limits: ArchiveLimits, _ tell: (ArchiveRecord) throws(ArchiveRefusal) -> Void
  ) throws(ArchiveRefusal) {
    var inflater = Inflater()
    for entry in try ZipDirectory(of: zip, limits: limits).entries where !entry.path.isEmpty {
      switch entry.kind {
      case .directory: try tell(.directory(path: entry.path))
      case .file(let isExecutable):
        try tell(.file(path: entry.path, size: entry.size, isExecutable: isExecutable))
        try inflater.data(of: entry, in: zip) { (piece) throws(ArchiveRefusal) in try tell(.data(piece)) }
      case .link: try tell(.link(path: entry.path, target: try target(of: entry, in: zip, depth: limits.depth, &inflater)))
      }
    }
    try tell(.end)
  }

  /// Where a link leads is what its data says.
  private static func target(
    of entry: ZipEntry, in zip: [UInt8], depth: Int, _ inflater: inout Inflater
  ) throws(ArchiveRefusal) -> [UInt8] {
    guard entry.size <= ArchiveRecord.maximumTarget else {
      throw .unsafeEntry(name: entry.shownName, reason: "is a link with a target of \(entry.size) bytes")
    }
    var target: [UInt8] = []
    try inflater.data(of: entry, in: zip) { (piece) throws(ArchiveRefusal) in target += piece }
    do throws(PathFault) { try EntryPath(checking: entry.path, depth: depth).checkLinkTarget(target) } catch {
      throw .unsafeEntry(name: entry.shownName, reason: error.reason)
    }
    return target
  }
}
