import ArchiveStream
import FunctionModel
import Glibc

/// How an artefact comes to be: in a directory of its own, then by renames.
extension ArtifactStore {
  /// - Returns: how many bytes the files have together.
  func make(
    _ digest: ContentDigest, _ kind: Kind, from zip: [UInt8], unpackedBy session: any UnpackerSession
  ) throws(ArtifactError) -> Int64 {
    let temporary = FileName.temporary()
    defer { removeLeftovers(temporary) }
    let tree = try io { () throws(CallError) in
      let root = try Folder.open(path: directory)
      try root.makeFolder(temporary)
      var tree = try root.folder(temporary)
      for name in [kind.name] + kind.mountPoint {
        try tree.makeFolder(name)
        tree = try tree.folder(name)
      }
      return tree
    }
    try Self.fill(tree, from: session, limits: limits)
    // Only now is it known how much it is.
    try checkSpace(for: Int64(zip.count))
    return try io { () throws(CallError) in
      let made = try Folder.open(path: directory).folder(temporary).folder(kind.name)
      let (bytes, entries) = try made.contents()
      try made.seal(seconds: TreeWriter.time, by: Folder.Durability(files: entries))
      try publish(digest, kind, zip, from: temporary)
      return bytes
    }
  }

  /// Whether there is room for `bytes` more: code that fills the disk takes it from everybody.
  func checkSpace(for bytes: Int64) throws(ArtifactError) {
    let free = try io { () throws(CallError) in try Folder.open(path: directory).freeBytes() }
    guard free - bytes >= reserve else {
      throw .noSpace(reason: "the host's disk has \(free >> 20) MB free, of which \(reserve >> 20) MB are kept back")
    }
  }

  /// Writes what the unpacker tells into an empty folder, up to the end that it tells.
  static func fill(
    _ folder: borrowing Folder, from session: any UnpackerSession, limits: ArchiveLimits
  ) throws(ArtifactError) {
    var writer = try TreeWriter.filling(folder, limits: limits)
    var reader = ArchiveRecordReader()
    while !writer.isComplete {
      let bytes = try read(session)
      guard !bytes.isEmpty else { throw .notAZip(reason: "its unpacker ended early") }
      reader.append(bytes)
      while let record = try next(&reader) { try writer.take(record) }
    }
  }

  private static func read(_ session: any UnpackerSession) throws(ArtifactError) -> [UInt8] {
    do throws(UnpackerFailed) { return try session.read() } catch {
      switch error {
      case .byArchive(let reason): throw .notAZip(reason: reason)
      case .byHost(let reason): throw .noUnpacker(reason)
      }
    }
  }

  private static func next(_ reader: inout ArchiveRecordReader) throws(ArtifactError) -> ArchiveRecord? {
    do throws(ArchiveRecordReader.Fault) { return try reader.next() } catch { throw .unpacker(saying: error.reason) }
  }

  /// Zip first, tree last: a directory with a tree is a complete artefact.
  private func publish(_ digest: ContentDigest, _ kind: Kind, _ zip: [UInt8], from temporary: FileName) throws(CallError) {
    let root = try Folder.open(path: directory)
    let made = try root.folder(temporary)
    try root.makeFolder(digest.name)
    let artifact = try root.folder(digest.name)
    if try artifact.status(.zip) == nil {
      let file = try made.makeFile(.zip)
      try file.write(zip.span)
      try file.finish(mode: 0o600, seconds: TreeWriter.time)
      try file.synchronize()
      try made.move(.zip, into: artifact, as: .zip)
    }
    do throws(CallError) { try made.move(kind.name, into: artifact, as: kind.name) } catch {
      guard error.code == ENOTEMPTY || error.code == EEXIST else { throw error }  // another process was first, with the same bytes
    }
    try artifact.synchronize()
    try root.synchronize()
  }

  private func removeLeftovers(_ temporary: FileName) {
    do throws(CallError) { try Folder.open(path: directory).removeTree(temporary) } catch {}  // the next start sweeps it
  }
}
