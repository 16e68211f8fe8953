import CLinux
import Glibc

/// One name in a directory.
package struct DirectoryEntry: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    case directory, regular, link
    /// A device, socket or pipe, or a file system that does not say.
    case other
  }

  /// The name as the kernel has it: any bytes but `/` and NUL.
  package let nameBytes: [UInt8]
  package let kind: Kind

  /// The name as text, with replacement characters where it is none.
  package var name: String { String(decoding: nameBytes, as: UTF8.self) }
}

extension Descriptor {
  /// The names in this directory but `.` and `..`, in the kernel's order. getdents64(2).
  package borrowing func entries() throws(SystemError) -> [DirectoryEntry] {
    // The position belongs to the open file, which may have been listed before.
    try checked(clinux_lseek(rawValue, 0, SEEK_SET), "lseek", "directory \(rawValue)")
    var entries: [DirectoryEntry] = []
    var buffer = [UInt8](repeating: 0, count: 32_768)
    while true {
      let count = try checked(unsafe clinux_getdents(rawValue, &buffer, buffer.count), "getdents64", "directory \(rawValue)")
      guard count > 0 else { return entries }
      entries.append(contentsOf: DirectoryEntry.all(in: buffer[..<count]))
    }
  }

  /// mkdirat(2). The mode is as given, whatever the umask, and so are owner and group where they are named (fchown(2)).
  ///
  /// - Returns: the new directory, or with `orOpen` the one that was there, whose mode and owner are set likewise.
  @discardableResult
  package borrowing func makeDirectory(
    _ name: String, mode: UInt32, owner: UserAccount? = nil, orOpen: Bool = false
  ) throws(SystemError) -> Descriptor {
    try refuseNul(in: name, call: "mkdirat")
    let answer = unsafe clinux_mkdirat(rawValue, name, mode)
    if !(orOpen && answer == -EEXIST) { try checked(answer, "mkdirat", name) }
    do {
      let directory = try Descriptor.openBeneath(directory: self, path: name, flags: O_RDONLY | O_DIRECTORY)
      if let owner { try checked(clinux_fchown(directory.rawValue, owner.userID, owner.groupID), "fchown", name) }
      try checked(clinux_fchmod(directory.rawValue, mode), "fchmod", name)
      return directory
    } catch {
      // Ours, and empty still; the failure above is the one to tell.
      if answer == 0 { _ = unsafe clinux_unlinkat(rawValue, name, AT_REMOVEDIR) }
      throw error
    }
  }

  /// fchmod(2).
  package borrowing func setMode(_ mode: UInt32) throws(SystemError) {
    try checked(clinux_fchmod(rawValue, mode), "fchmod", "descriptor \(rawValue)")
  }

  /// unlinkat(2) of a file, or of an empty directory.
  package borrowing func remove(_ name: String, isDirectory: Bool = false) throws(SystemError) {
    try refuseNul(in: name, call: "unlinkat")
    try checked(unsafe clinux_unlinkat(rawValue, name, isDirectory ? AT_REMOVEDIR : 0), "unlinkat", name)
  }
}

extension DirectoryEntry {
  /// The entries of one getdents64(2) answer: u64 inode, i64 offset, u16 length, u8 type, name with NUL, padding.
  fileprivate static func all(in bytes: ArraySlice<UInt8>) -> [DirectoryEntry] {
    var entries: [DirectoryEntry] = []
    var rest = bytes
    while rest.count >= 19 {
      let start = rest.startIndex
      let length = Int(rest[start + 16]) | Int(rest[start + 17]) << 8
      let name = Array(rest[(start + 19)..<(start + length)].prefix { $0 != 0 })
      if name != Array(".".utf8), name != Array("..".utf8) {
        entries.append(DirectoryEntry(nameBytes: name, kind: Kind(rest[start + 18])))
      }
      rest = rest[(start + length)...]
    }
    return entries
  }
}

extension DirectoryEntry.Kind {
  /// From `d_type`.
  fileprivate init(_ type: UInt8) {
    switch type {
    case 4: self = .directory
    case 8: self = .regular
    case 10: self = .link
    default: self = .other
    }
  }
}
