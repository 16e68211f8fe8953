/// One component of a path as the kernel takes it: 1 to 255 bytes of UTF-8, neither `.` nor `..`, without `/` and NUL.
///
/// Bytes and not a `String`: two names that Swift calls equal (é composed and decomposed) are two files.
package struct FileName: Hashable, Sendable, CustomStringConvertible {
  /// With a NUL at the end.
  package let cString: [CChar]

  private init(unchecked bytes: some Sequence<UInt8>) {
    cString = bytes.map { CChar(bitPattern: $0) } + [0]
  }

  /// The directory itself; never part of an entry's path.
  package static let current = FileName(unchecked: [UInt8(ascii: ".")])

  /// For names that the program itself made up.
  package init(_ text: String) {
    precondition(FileName.fault(in: Array(text.utf8)) == nil, "a file name")
    self.init(unchecked: text.utf8)
  }

  /// A name as `readdir` gave it, with its NUL.
  package init(fromDirectory cString: [CChar]) {
    self.cString = cString
  }

  package init(checking bytes: [UInt8]) throws(PathFault) {
    if let fault = FileName.fault(in: bytes) { throw fault }
    self.init(unchecked: bytes)
  }

  private static func fault(in bytes: [UInt8]) -> PathFault? {
    switch bytes.count {
    case 0: return PathFault("has an empty component")
    case 256...: return PathFault("has a component of more than 255 bytes")
    default: break
    }
    if bytes == Array("..".utf8) { return PathFault("leads upwards (..)") }
    if bytes == Array(".".utf8) { return PathFault("has a component \".\"") }
    if bytes.contains(0) { return PathFault("contains a NUL") }
    if bytes.contains(UInt8(ascii: "/")) { return PathFault("contains a slash") }
    return nil
  }

  package var description: String {
    String(decoding: cString.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

extension FileName: ExpressibleByStringLiteral {
  package init(stringLiteral text: String) {
    self.init(text)
  }
}

/// Why a path cannot be used.
package struct PathFault: Error, Hashable, Sendable {
  package var reason: String
  package init(_ reason: String) { self.reason = reason }
}

/// The path of an archive's entry: relative, downwards, and in UTF-8.
package struct EntryPath: Hashable, Sendable {
  /// Empty for the root of the archive (`./`).
  package var components: [FileName]

  /// Splits and checks a name as it stands in an archive; `.` and repeated slashes vanish, as unzip has it.
  package init(checking bytes: [UInt8], depth: Int) throws(PathFault) {
    guard !bytes.isEmpty else { throw PathFault("has no name") }
    guard String(validating: bytes, as: UTF8.self) != nil else { throw PathFault("is not UTF-8") }
    guard bytes.first != UInt8(ascii: "/") else { throw PathFault("is an absolute path") }
    components = []
    for part in bytes.split(separator: UInt8(ascii: "/")) where part != [UInt8(ascii: ".")] {
      guard components.count < depth else { throw PathFault("is more than \(depth) levels deep") }
      components.append(try FileName(checking: Array(part)))
    }
  }

  /// With one slash between the components.
  package var bytes: [UInt8] {
    Array(components.map { $0.cString.dropLast().map { UInt8(bitPattern: $0) } }.joined(separator: [UInt8(ascii: "/")]))
  }

  /// Checks the target of a symbolic link that stands at this path.
  ///
  /// A target may go up only at its beginning, and not above the root. That is enough to stay inside whatever the other links are: the
  /// directories above a link are real ones, so the climb ends inside; from there on it only descends, or follows another link for
  /// which the same holds. (`a/..` behind a link `a` could leave the tree: hence no `..` later on.)
  package func checkLinkTarget(_ bytes: [UInt8]) throws(PathFault) {
    guard !bytes.isEmpty else { throw PathFault("is a link to nothing") }
    guard bytes.count < 4_096 else { throw PathFault("is a link with a target of \(bytes.count) bytes") }
    guard !bytes.contains(0) else { throw PathFault("is a link with a NUL in its target") }
    guard String(validating: bytes, as: UTF8.self) != nil else { throw PathFault("is a link whose target is not UTF-8") }
    guard bytes.first != UInt8(ascii: "/") else { throw PathFault("is a link to an absolute path") }
    var climbs = 0
    var descended = false
    for part in bytes.split(separator: UInt8(ascii: "/")) where part != [UInt8(ascii: ".")] {
      guard part == Array("..".utf8)[...] else {
        descended = true
        continue
      }
      guard !descended else { throw PathFault("is a link that goes down and up again") }
      climbs += 1
      guard climbs < components.count else { throw PathFault("is a link that leaves the archive") }
    }
  }
}
