import ArchiveStream
import Glibc
import Unpacking

@testable import Store

private let limits = ArchiveLimits(unzippedBytes: 10_000, entries: 50, depth: 8)

/// A zip as roost-unpack reads it: whatever it says, what is told of it keeps to the limits, and to what was told before.
enum ZipTarget: FuzzTarget {
  static let name = "zip"

  static var seeds: [[UInt8]] {
    [
      ZipFixture(.file("app.py", "print(1)"), .directory("d/"), .file("d/e/f", "text"), .link("d/l", to: "e/f")).bytes,
      ZipFixture(.zeros("zeros", count: 1 + 258 * 20), .file("x", "y", mode: 0o100755)).bytes,
      ZipFixture(.file("a", "b")).with { $0.wideEnd = true }.bytes,
      ZipFixture(.file("a", "b")).with {
        $0.prefix = Array("#!/bin/sh\n".utf8); $0.comment = Array("comment".utf8)
      }.bytes,
      ZipFixture(
        ZipFixture.Entry.file("wide", "text").with {
          $0.size = .max
          $0.extra = [1, 0, 8, 0] + le(UInt64(4))
        }
      ).bytes,
    ]
  }

  static let words = ["PK\u{1}\u{2}", "PK\u{3}\u{4}", "PK\u{5}\u{6}", "PK\u{6}\u{6}", "PK\u{6}\u{7}", "../", "up", "#U00e9"]

  static func run(_ bytes: [UInt8]) {
    var account = Account(limits: limits)
    var told: [UInt8] = []
    do throws(ArchiveRefusal) {
      try Unpacking.unpack(bytes, limits: limits) { (record) throws(ArchiveRefusal) in
        account.take(record)
        record.encode(into: &told)
      }
      must(account.isComplete, "an end without a record of it")
    } catch {
      ArchiveRecord.refusal(error).encode(into: &told)
    }
    // What the one side tells, the other understands.
    var reader = ArchiveRecordReader()
    reader.append(told)
    do {
      while try reader.next() != nil {}
    } catch { fault("\(error)") }
    must(reader.isEmpty)
  }

  /// The books of an unpacked archive.
  private struct Account {
    let limits: ArchiveLimits
    var entries = 0
    var bytes: Int64 = 0
    var growing: Int64 = 0
    var isComplete = false

    mutating func take(_ record: ArchiveRecord) {
      must(!isComplete, "a record after the end")
      if case .data(let data) = record {
        growing -= Int64(data.count)
        return must(growing >= 0 && !data.isEmpty, "more than was declared")
      }
      must(growing == 0, "less than was declared")
      switch record {
      case .directory(let path): enter(path)
      case .link(let path, let target):
        enter(path)
        must(staysWithin(path.dropLast(path.reversed().prefix { $0 != UInt8(ascii: "/") }.count) + target))
      case .file(let path, let size, _):
        enter(path)
        bytes += size
        growing = size
        must(size >= 0 && bytes <= limits.unzippedBytes, "more than may be")
      case .end: isComplete = true
      case .data, .refusal: fault("a refusal is thrown")
      }
    }

    private mutating func enter(_ path: [UInt8]) {
      entries += 1
      must(entries <= limits.entries && staysWithin(path))
      must(path.split(separator: UInt8(ascii: "/")).count <= limits.depth)
    }
  }
}

/// Records as the store writes them: whatever an unpacker says that an archive has taken over, nothing lands outside of the tree, and no more
/// in it than may be. Every other error than a refusal is a fault of ours.
enum ArchiveRecordsTarget: FuzzTarget {
  static let name = "archive-records"

  static var seeds: [[UInt8]] {
    [
      [.file(path: Array("app.py".utf8), size: 2, isExecutable: true), .data([1, 2]), .end],
      [.directory(path: Array("d".utf8)), .link(path: Array("d/l".utf8), target: Array("../app.py".utf8)), .end],
      [.file(path: Array("x".utf8), size: 0, isExecutable: false), .file(path: Array("x".utf8), size: 0, isExecutable: true), .end],
      [.link(path: Array("l".utf8), target: Array(".".utf8)), .file(path: Array("l/x".utf8), size: 0, isExecutable: false), .end],
      [.refusal(.unsafeEntry(name: "n", reason: "r"))],
    ].map { (records: [ArchiveRecord]) in
      var bytes: [UInt8] = []
      for record in records { record.encode(into: &bytes) }
      return bytes
    }
  }

  static let words = ["../", "..", "/", "./", "../outside/x", "\0"]

  /// `tree` and `outside`, in a folder of this process's own where ROOST_FUZZ_FOLDER says.
  private static let place: String = {
    var template = Array("\(getenv("ROOST_FUZZ_FOLDER").map { String(cString: $0) } ?? "/tmp")/fuzz-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { fault("mkdtemp: errno \(errno)") }
    let path = String(cString: made)
    must(mkdir(path + "/outside", 0o700) == 0)
    return path
  }()

  static func run(_ bytes: [UInt8]) {
    do {
      let holder = try Folder.open(path: place)
      try holder.makeFolder("tree")
      let tree = try holder.folder("tree")
      // The first byte says where the rest is cut in two: records come in pieces.
      fill(tree, Array(bytes.dropFirst()), cutAt: Int(bytes.first ?? 0))
      let contents = try tree.contents()
      must(contents.bytes <= limits.unzippedBytes && contents.entries <= limits.entries)
      try check(tree, depth: 0)
      try holder.removeTree("tree")
      must(try holder.names() == ["outside"] && holder.folder("outside").names().isEmpty, "something lies outside of the tree")
    } catch { fault("\(error)") }
  }

  private static func fill(_ tree: borrowing Folder, _ bytes: [UInt8], cutAt cut: Int) {
    do throws(ArtifactError) {
      var writer = try TreeWriter.filling(tree, limits: limits)
      var reader = ArchiveRecordReader()
      for piece in [bytes.prefix(cut), bytes.dropFirst(cut)] {
        reader.append(Array(piece))
        do {
          while let record = try reader.next() { try writer.take(record) }
        } catch let error as ArtifactError { throw error } catch { return }  // no records: as refused
      }
    } catch .io(let error) {
      fault("\(error) is a fault of ours")
    } catch {}  // refused, as most are
  }

  private static func check(_ folder: borrowing Folder, depth: Int) throws {
    must(depth <= limits.depth)
    for name in try folder.names() {
      guard let status = try folder.status(name) else { fault("it was just listed") }
      switch status.st_mode & S_IFMT {
      case S_IFDIR: try check(try folder.folder(name), depth: depth + 1)
      case S_IFREG, S_IFLNK: must(status.st_mode & 0o7000 == 0)
      default: fault("a file of another type")
      }
    }
  }
}

/// Whether a path, or a link's target after the folder it stands in, never leads above where it begins.
private func staysWithin(_ path: some Collection<UInt8>) -> Bool {
  var depth = 0
  for component in Array(path).split(separator: UInt8(ascii: "/")) {
    if component.elementsEqual("..".utf8) { depth -= 1 } else if !component.elementsEqual(".".utf8) { depth += 1 }
    if depth < 0 { return false }
  }
  return path.first != UInt8(ascii: "/") && !path.contains(0)
}
