import CLinux
import Glibc

// A tree may be deeper than there are descriptors, or than the stack goes: nothing but its own makers bounds it. So the walk goes down
// `levelLimit` levels only. What lies deeper is moved up into the tree's first directory, where the next pass finds it.
extension Descriptor {
  private static var levelLimit: Int { 64 }

  /// Removes `name` and all beneath it, however deep, walking by descriptors and following no link. Nothing to do when there is none.
  package borrowing func removeTree(_ name: String) throws(SystemError) {
    try refuseNul(in: name, call: "unlinkat")
    try removeTree(name.utf8CString.map(\.self))
  }

  /// The same for an entry as it was listed, whose name need not be text.
  package borrowing func removeTree(_ entry: DirectoryEntry) throws(SystemError) {
    try removeTree(entry.cString)
  }

  private borrowing func removeTree(_ name: [CChar]) throws(SystemError) {
    guard try !removeIfFile(name) else { return }
    let tree = try openChild(name)
    var moved = 0
    var earlier = 0
    repeat {
      earlier = moved
      try tree.removeContents(level: 1, of: tree, moved: &moved)
    } while moved > earlier
    try checked(unsafe clinux_unlinkat(rawValue, name, AT_REMOVEDIR), "unlinkat", label(name))
  }

  /// - Parameters:
  ///   - tree: the first directory, for what lies too deep.
  ///   - moved: how many have been moved there.
  private borrowing func removeContents(level: Int, of tree: borrowing Descriptor, moved: inout Int) throws(SystemError) {
    for entry in try entries() {
      let name = entry.cString
      if try removeIfFile(name) { continue }
      if level == Self.levelLimit {
        try move(name, into: tree, &moved)
      } else {
        try openChild(name).removeContents(level: level + 1, of: tree, moved: &moved)
        try checked(unsafe clinux_unlinkat(rawValue, name, AT_REMOVEDIR), "unlinkat", label(name))
      }
    }
  }

  /// Under a name that nothing has there: a directory takes the place of an empty one alone, which is as good as removed.
  private borrowing func move(_ name: [CChar], into tree: borrowing Descriptor, _ moved: inout Int) throws(SystemError) {
    while true {
      moved += 1
      let answer = unsafe clinux_renameat(rawValue, name, tree.rawValue, ".too-deep-\(moved)")
      if [-ENOTEMPTY, -EEXIST, -ENOTDIR].contains(answer) { continue }
      try checked(answer, "renameat", label(name))
      return
    }
  }

  /// - Returns: false for a directory.
  private borrowing func removeIfFile(_ name: [CChar]) throws(SystemError) -> Bool {
    let answer = unsafe clinux_unlinkat(rawValue, name, 0)
    if answer == -EISDIR || answer == -EPERM { return false }
    if answer != -ENOENT { try checked(answer, "unlinkat", label(name)) }
    return true
  }

  private borrowing func openChild(_ name: [CChar]) throws(SystemError) -> Descriptor {
    let resolve = UInt64(CLINUX_RESOLVE_BENEATH | CLINUX_RESOLVE_NO_SYMLINKS | CLINUX_RESOLVE_NO_XDEV)
    let answer = unsafe clinux_openat2(rawValue, name, UInt64(O_RDONLY | O_DIRECTORY), 0, resolve)
    return Descriptor(owning: try checked(answer, "openat2", label(name)))
  }

  private borrowing func label(_ name: [CChar]) -> String {
    String(decoding: name.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

extension DirectoryEntry {
  fileprivate var cString: [CChar] { nameBytes.map(CChar.init(bitPattern:)) + [0] }
}
