import ArchiveStream
import FoundationEssentials
import FunctionModel
import Testing
import Unpacking

@testable import Store

/// Each way in which an archive may try to leave its place, to fill the disk or to mean two things at once.
@Suite struct HostileArchiveTests {
  typealias Entry = ZipFixture.Entry

  static let unsafe: [(claim: String, entries: [Entry], reason: String)] = [
    ("climbs", [.file("../x")], "leads upwards (..)"),
    ("climbs in the middle", [.file("a/../../x")], "leads upwards (..)"),
    ("is absolute", [.file("/etc/x")], "is an absolute path"),
    ("climbs by backslashes", [Entry.file("..\\x").with { $0.system = 0 }], "leads upwards (..)"),
    ("has a NUL", [.file("a\0b")], "contains a NUL"),
    ("is not UTF-8", [Entry.file("x").with { $0.name = [0x66, 0xFF] }], "is not UTF-8"),
    ("has no name", [Entry.file("")], "has no name"),
    ("names the root", [Entry.file(".")], "has no name"),
    ("is long", [.file(String(repeating: "n", count: 256))], "has a component of more than 255 bytes"),
    ("is deep", [.file(String(repeating: "d/", count: 64) + "x")], "is more than 64 levels deep"),
    ("is a character device", [.file("null", mode: 0o020666)], "is a device"),
    ("is a block device", [.file("sda", mode: 0o060666)], "is a device"),
    ("is a FIFO", [.file("pipe", mode: 0o010666)], "is a FIFO"),
    ("is a socket", [.file("s", mode: 0o140666)], "is a socket"),
    ("is of no type", [.file("x", mode: 0o170000)], "is neither a file, nor a directory, nor a link"),
    ("links to an absolute path", [.link("l", to: "/etc/passwd")], "is a link to an absolute path"),
    ("links out", [.link("l", to: "..")], "is a link that leaves the archive"),
    ("links out from below", [.link("a/l", to: "../../x")], "is a link that leaves the archive"),
    ("links down and up", [.directory("d/"), .link("d/up", to: ".."), .link("l", to: "d/up/..")], "is a link that goes down and up again"),
    ("links to nothing", [.link("l", to: "")], "is a link to nothing"),
    ("links far", [.link("l", to: String(repeating: "x", count: 4_096))], "is a link with a target of 4096 bytes"),
    ("passes through a link", [.link("l", to: "."), .file("l/x")], "leads through something that is not a directory"),
    ("passes through a file", [.file("f"), .file("f/x")], "leads through something that is not a directory"),
    ("is a directory over a link", [.link("l", to: "."), .directory("l/")], "leads through something that is not a directory"),
    ("is a file over a directory", [.directory("d/"), .file("d")], "is a directory and something else"),
    ("is a link over a directory", [.file("d/x"), .link("d", to: ".")], "is a directory and something else"),
  ]

  @Test(arguments: unsafe.indices)
  func `an entry is refused by name when it is unsafe`(_ index: Int) async throws {
    let (claim, entries, reason) = HostileArchiveTests.unsafe[index]
    let error = try await refusal(of: ZipFixture(entries).bytes)
    guard case .unsafeEntry(_, let given) = error else {
      Issue.record("an entry that \(claim): \(error)")
      return
    }
    #expect(given == reason, "an entry that \(claim)")
  }

  @Test func `the name in an error is printable`() async throws {
    let error = try await refusal(of: ZipFixture(.file("../\u{1B}[2J\u{202E}x")).bytes)
    #expect(error == .unsafeEntry(name: "\"../\\u{1b}[2J\\u{202e}x\"", reason: "leads upwards (..)"))
  }

  static let unusable: [(claim: String, zip: [UInt8])] = [
    ("nothing", []),
    ("not a zip", Array("not a zip, but long enough to hold an end record".utf8)),
    ("a tar", [UInt8](repeating: 0, count: 10_240)),
    ("a local header alone", Array("PK\u{3}\u{4}".utf8) + [UInt8](repeating: 0, count: 100)),
    ("truncated at the end", ZipFixture(.file("a", "text")).bytes.dropLast(3)),
    ("truncated at the front", Array(ZipFixture(.file("a", "text")).bytes.dropFirst(3))),
    ("without its end record", ZipFixture(.file("a", "text")).bytes.dropLast(22)),
    ("encrypted", ZipFixture(Entry.file("a", "text").with { $0.flags |= 1 }).bytes),
    ("strongly encrypted", ZipFixture(Entry.file("a", "text").with { $0.flags |= 0x40 }).bytes),
    ("of encrypted names", ZipFixture(Entry.file("a", "text").with { $0.flags |= 0x2000 }).bytes),
    ("packed by another method", ZipFixture(Entry.file("a", "text").with { $0.method = 14 }).bytes),
    ("of a wrong checksum", ZipFixture(Entry.file("a", "text").with { $0.checksum ^= 1 }).bytes),
    ("not deflated", ZipFixture(Entry.file("a", "\u{7}not deflated").with { $0.method = 8 }).bytes),
    ("of two names", ZipFixture(Entry.file("a", "text").with { $0.localName = Array("b".utf8) }).bytes),
    ("of two sizes", ZipFixture(Entry.file("a", "text").with { $0.localSize = 3 }).bytes),
    ("larger than declared", ZipFixture(Entry.zeros("a", count: 1 + 258 * 9, declared: 7)).bytes),
    ("smaller than declared", ZipFixture(Entry.zeros("a", count: 1 + 258 * 9, declared: 9_999)).bytes),
    ("overlapping itself", ZipFixture(.file("a", "text"), Entry.file("a", "text").with { $0.offset = 0 }).bytes),
    ("pointing behind its end", ZipFixture(Entry.file("a", "text").with { $0.offset = 0x7FFF_FFFF }).bytes),
    ("pointing into the directory", ZipFixture(Entry.file("a", "text").with { $0.offset = 40 }).bytes),
    ("of two end records that disagree", ZipFixture(.file("a", "text")).with { ($0.wideEnd, $0.wideCount) = (true, 2) }.bytes),
    (
      "of an extra field that ends behind it",
      ZipFixture(Entry.file("\u{e9}").with { ($0.flags, $0.extra) = (0, [0x75, 0x70, 99, 0]) }).bytes
    ),
    ("of a cut extra field", ZipFixture(Entry.file("a").with { ($0.size, $0.extra) = (.max, [1, 0, 8, 0, 1]) }).bytes),
  ]

  @Test(arguments: unusable.indices)
  func `a file that is no plain zip cannot be unzipped`(_ index: Int) async throws {
    let (claim, zip) = HostileArchiveTests.unusable[index]
    let error = try await refusal(of: zip)
    guard case .notAZip = error else {
      Issue.record("a file \(claim): \(error)")
      return
    }
  }

  @Test func `a zip without entries is empty`() async throws {
    #expect(try await refusal(of: ZipFixture().bytes) == .empty)
  }

  @Test func `a declared size over the limit is refused before anything is written`() async throws {
    let limits = ArchiveLimits(unzippedBytes: 1_000, entries: 10, depth: 8)
    let zip = ZipFixture(.file("a", String(repeating: "x", count: 600)), .file("b", String(repeating: "x", count: 401)))
    #expect(try await refusal(of: zip.bytes, limits: limits) == .tooLargeUnzipped(limit: 1_000))
    #expect(throws: ArchiveRefusal.tooLargeUnzipped) { try ZipDirectory(of: zip.bytes, limits: limits) }
  }

  @Test func `exactly the limit is accepted`() async throws {
    let limits = ArchiveLimits(unzippedBytes: 1_000, entries: 10, depth: 8)
    let zip = ZipFixture(.file("a", String(repeating: "x", count: 600)), .file("b", String(repeating: "x", count: 400)))
    try await withTemporaryFolder { folder in
      let stored = try await ArtifactStore(directory: folder, limits: limits).store(zip: zip.bytes, kind: .code)
      #expect(stored.unzippedBytes == 1_000)
    }
  }

  @Test func `a bomb that lies about its size is stopped where the lie begins`() async throws {
    let zip = ZipFixture(.zeros("bomb", count: 1 + 258 * 10_000, declared: 300_000)).bytes
    try await withTemporaryFolder { folder in
      let limits = ArchiveLimits(unzippedBytes: 1_000_000, entries: 10, depth: 8)
      try FileManager.default.createDirectory(atPath: folder + "/tree", withIntermediateDirectories: true)
      let tree = try Folder.open(path: folder + "/tree")
      #expect(throws: ArtifactError.notAZip(reason: "\"bomb\" is larger than declared")) {
        try unpack(zip, into: tree, limits: limits)
      }
      let size = try FileManager.default.attributesOfItem(atPath: folder + "/tree/bomb")[.size] as? Int
      #expect(try #require(size) <= 300_000)
    }
  }

  @Test func `a bomb over the Lambda limit is refused with Lambda's number`() async throws {
    let zip = ZipFixture(.zeros("a", count: 259, declared: 262_143_000), .zeros("b", count: 259, declared: 1_001))
    #expect(try await refusal(of: zip.bytes) == .tooLargeUnzipped(limit: 262_144_000))
  }

  @Test func `implied directories count as entries`() async throws {
    let limits = ArchiveLimits(unzippedBytes: 1_000, entries: 10, depth: 64)
    let zip = ZipFixture(.file(String(repeating: "d/", count: 10) + "x"))
    #expect(try await refusal(of: zip.bytes, limits: limits) == .tooManyEntries(limit: 10))
    #expect(try await refusal(of: ZipFixture((0..<11).map { .file("\($0)") }).bytes, limits: limits) == .tooManyEntries(limit: 10))
  }

  /// Stores `zip`, which must fail, and checks that nothing stays behind.
  private func refusal(of zip: some Collection<UInt8>, limits: ArchiveLimits = .lambda) async throws -> ArtifactError {
    try await withTemporaryFolder { folder in
      let store = try ArtifactStore(directory: folder + "/artifacts", limits: limits)
      let error = await #expect(throws: ArtifactError.self) { try await store.store(zip: Array(zip), kind: .code) }
      #expect(try names(in: folder) == ["artifacts"])
      #expect(try names(in: folder + "/artifacts").isEmpty)
      return try #require(error)
    }
  }
}
