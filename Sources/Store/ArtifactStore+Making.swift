import FunctionModel
import Glibc

/// How an artefact comes to be: in a directory of its own, then by renames.
extension ArtifactStore {
  func make(
    _ digest: ContentDigest, _ kind: Kind, from zip: [UInt8], by durability: Folder.Durability
  ) throws(ArtifactError) {
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
    try Unpacker.unpack(zip, into: tree, limits: limits)
    try io { () throws(CallError) in
      try Folder.open(path: directory).folder(temporary).folder(kind.name).seal(seconds: Unpacker.time, by: durability)
      try publish(digest, kind, zip, from: temporary)
    }
  }

  /// Before anything is written: what would fill the disk takes it from everybody.
  func checkSpace(for bytes: Int64) throws(ArtifactError) {
    let free = try io { () throws(CallError) in try Folder.open(path: directory).freeBytes() }
    guard free - bytes >= reserve else {
      throw .noSpace(reason: "the host's disk has \(free >> 20) MB free, of which \(reserve >> 20) MB are kept back")
    }
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
      try file.finish(mode: 0o600, seconds: Unpacker.time)
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
