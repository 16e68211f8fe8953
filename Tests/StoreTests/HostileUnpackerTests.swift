import ArchiveStream
import FoundationEssentials
import Testing

@testable import Store

/// What an unpacker that an archive has taken over may say: the store is told over a connection that the archive's maker speaks on.
@Suite struct HostileUnpackerTests {
  static let limits = ArchiveLimits(unzippedBytes: 1_000, entries: 10, depth: 4)

  static func file(_ path: String, _ text: String = "", size: Int64? = nil) -> [UInt8] {
    let data = Array(text.utf8)
    let record = ArchiveRecord.file(path: Array(path.utf8), size: size ?? Int64(data.count), isExecutable: false)
    return record.encoded + (data.isEmpty ? [] : ArchiveRecord.data(data[...]).encoded)
  }

  static func link(_ path: String, _ target: String) -> [UInt8] {
    ArchiveRecord.link(path: Array(path.utf8), target: Array(target.utf8)).encoded
  }

  static func directory(_ path: String) -> [UInt8] { ArchiveRecord.directory(path: Array(path.utf8)).encoded }

  static let lies: [(claim: String, said: [UInt8], reason: String)] = [
    ("climbs", file("../x", "x"), "\"../x\": leads upwards (..)"),
    ("climbs midway", file("a/../../x", "x"), "leads upwards (..)"),
    ("is absolute", file("/etc/x", "x"), "is an absolute path"),
    ("has a NUL", file("a\0b", "x"), "contains a NUL"),
    ("is deep", file("a/b/c/d/e", "x"), "is more than 4 levels deep"),
    ("is long", file(String(repeating: "n", count: 256)), "has a component of more than 255 bytes"),
    ("is the root", file(".", "x"), "has no name"),
    ("makes the root", directory("./."), "has no name"),
    ("links out", link("l", "../x"), "is a link that leaves the archive"),
    ("links to an absolute path", link("l", "/etc"), "is a link to an absolute path"),
    ("goes through a link", link("l", ".") + file("l/x", "x"), "leads through something that is not a directory"),
    ("goes through a file", file("f", "x") + directory("f/x"), "leads through something that is not a directory"),
    ("is larger than all may be", file("f", size: 1_001), "more than 1000 bytes unzipped"),
    ("is larger than all may be by and by", file("a", String(repeating: "x", count: 600)) + file("b", size: 401), "more than 1000"),
    ("has a negative size", [2] + [13, 0, 0, 0] + [0] + [UInt8](repeating: 255, count: 8) + Array("path".utf8), "malformed file record"),
    ("is executable twice", [2] + [13, 0, 0, 0] + [2] + [UInt8](repeating: 0, count: 8) + Array("path".utf8), "malformed file record"),
    ("is longer than promised", file("f", "four", size: 3), "more of a file than it promised"),
    ("is shorter than promised", file("f", size: 5) + file("g"), "less of a file than it promised"),
    ("ends in a file", file("f", size: 5) + ArchiveRecord.end.encoded, "less of a file than it promised"),
    ("comes in crumbs", file("f", "f", size: 4) + ArchiveRecord.data([1, 2, 3]).encoded, "a file in small pieces"),
    ("is data of nothing", ArchiveRecord.data([1]).encoded, "data of no file"),
    ("is data of a finished file", file("f", "x") + ArchiveRecord.data([1]).encoded, "data of no file"),
    ("ends without an end", file("f", "x"), "ended early"),
    ("ends within a record", Array(file("f", "x").dropLast()), "ended early"),
    ("is nothing", [], "ended early"),
    ("is garbage", Array("HTTP/1.1 200 OK\r\n\r\n".utf8), "a record of kind 72"),
    ("announces 4 GiB", [4, 255, 255, 255, 255], "a data record of 4294967295 bytes"),
    ("announces a long path", [1, 1, 64, 0, 0], "a directory record of 16385 bytes"),
    ("has an empty piece", [4, 0, 0, 0, 0], "a data record of 0 bytes"),
    ("has a link without an end to its path", [3, 4, 0, 0, 0, 9, 0, 65, 66], "malformed link record"),
    ("refuses for no reason", [6, 3, 0, 0, 0, 9, 0, 0], "malformed refusal record"),
    ("refuses beyond its end", [6, 3, 0, 0, 0, 1, 9, 0], "malformed refusal record"),
    ("tells too many entries", (0...10).flatMap { file("f\($0)") }, "more than 10 files and directories"),
    ("tells one entry too often", (0...10).flatMap { _ in file("f") }, "more than 10 files and directories"),
    ("implies too many directories", ["a/b/c/d", "e/f/g/h", "i/j/k/l"].flatMap(directory), "more than 10 files and directories"),
  ]

  @Test(arguments: lies.indices)
  func `a lie is refused, and nothing of it stays or lands elsewhere`(_ index: Int) async throws {
    let (claim, said, reason) = HostileUnpackerTests.lies[index]
    // In one piece, and byte by byte.
    for pieces in [[said].filter { !$0.isEmpty }, said.map { [$0] }] {
      try await withTemporaryFolder { folder in
        let store = try ArtifactStore(
          directory: folder + "/artifacts", unpacker: ScriptedUnpacker(pieces: pieces), limits: HostileUnpackerTests.limits)
        let error = await #expect(throws: ArtifactError.self) { try await store.store(zip: [1, 2, 3], kind: .code) }
        #expect(try #require(error).description.contains(reason), "an answer that \(claim): \(String(describing: error))")
        #expect(try names(in: folder) == ["artifacts"])
        #expect(try names(in: folder + "/artifacts").isEmpty)
      }
    }
  }

  @Test(arguments: [
    ArchiveRecord.data([UInt8](repeating: 0, count: 4_096)[...]).encoded,
    HostileUnpackerTests.file("again"), HostileUnpackerTests.link("again", "x"), HostileUnpackerTests.directory("again"), [7],
  ]) func `an answer without an end comes to one`(_ endless: [UInt8]) async throws {
    try await withTemporaryFolder { folder in
      let begin = HostileUnpackerTests.file("large", size: 1_000)
      for pieces in [[], [begin]] {
        let store = try ArtifactStore(
          directory: folder + "/artifacts", unpacker: ScriptedUnpacker(pieces: pieces, endless: endless),
          limits: HostileUnpackerTests.limits)
        await #expect(throws: ArtifactError.self) { try await store.store(zip: [1], kind: .layer) }
        #expect(try names(in: folder + "/artifacts").isEmpty)
      }
    }
  }

  @Test func `an answer that goes on after its end is refused`() async throws {
    let error = try await refused(by: ScriptedUnpacker(pieces: [ArchiveRecord.end.encoded + HostileUnpackerTests.file("f")]))
    #expect(error == .notAZip(reason: "its unpacker told something after the end"))
  }

  @Test func `what a refusal says is printable and bounded`() async throws {
    let refusal = ArchiveRecord.refusal(.unsafeEntry(name: "\u{1B}[2J\u{202E}", reason: String(repeating: "r", count: 9_999))).encoded
    let error = try await refused(by: ScriptedUnpacker(pieces: [refusal]))
    #expect(error == .unsafeEntry(name: "\\u{1b}[2J\\u{202e}", reason: String(repeating: "r", count: 1_024)))
  }

  @Test func `an unpacker that dies or dawdles is the archive's fault, one that cannot be made the host's`() async throws {
    #expect(
      try await refused(
        by: ScriptedUnpacker(pieces: [HostileUnpackerTests.file("f", "x")], failure: .byArchive("its unpacker took too long")))
        == .notAZip(reason: "its unpacker took too long"))
    #expect(try await refused(by: AbsentUnpacker()) == .noUnpacker(UnpackerUnavailable("no sandbox")))
    let neverStarted = ScriptedUnpacker(failure: .byHost(UnpackerUnavailable("it could not be started")))
    #expect(try await refused(by: neverStarted) == .noUnpacker(UnpackerUnavailable("it could not be started")))
  }

  @Test func `a start sweeps a half-made tree that is deeper than any walk`() async throws {
    try await withTemporaryFolder { path in
      try Folder.make(path: path + "/artifacts")
      var level = try Folder.open(path: path + "/artifacts")
      for name in [".incoming-1"] + Array(repeating: "d", count: 2_000) {
        _ = try level.makeFile(FileName("file"))
        try level.makeFolder(FileName(name))
        level = try level.folder(FileName(name))
      }
      _ = try ArtifactStore(directory: path + "/artifacts", unpacker: AbsentUnpacker())
      #expect(try names(in: path + "/artifacts") == ["file"])
    }
  }

  @Test func `an unpacker that ends early is the host's fault when that has lost its sandboxes`() async throws {
    let misfortune = UnpackerUnavailable("it ended with roostd")
    let begin = HostileUnpackerTests.file("f", "x")
    for failure in [nil, UnpackerFailed.byArchive("its unpacker ended without a word")] {
      let unpacker = ScriptedUnpacker(pieces: [begin], failure: failure, misfortune: misfortune)
      #expect(try await refused(by: unpacker) == .noUnpacker(misfortune))
    }
    // What it had said by then holds.
    let refusal = ArchiveRecord.refusal(.unsafeEntry(name: "n", reason: "r")).encoded
    let answered = try await refused(by: ScriptedUnpacker(pieces: [refusal], misfortune: misfortune))
    #expect(answered == .unsafeEntry(name: "n", reason: "r"))
  }

  @Test func `mutated answers write nothing outside and never trap`() async throws {
    let link = HostileUnpackerTests.link("d/l", "../app.py")
    let good = HostileUnpackerTests.file("app.py", "print(1)") + HostileUnpackerTests.directory("d") + link + ArchiveRecord.end.encoded
    try await withTemporaryFolder { folder in
      try FileManager.default.createDirectory(atPath: folder + "/outside", withIntermediateDirectories: true)
      var random = SplitMix(state: 7)
      var written = 0
      for round in 0..<3_000 {
        let holder = try Folder.open(path: folder)
        try holder.makeFolder("tree")
        let tree = try holder.folder("tree")
        do throws(ArtifactError) {
          try write(mutated(good, &random), into: tree, limits: HostileUnpackerTests.limits)
          written += 1
        } catch .io(let error) {
          Issue.record("round \(round): \(error) is a fault of ours")
        } catch {}  // refused, as most are
        #expect(try tree.contents().bytes <= 1_000)
        #expect(try names(in: folder) == ["outside", "tree"] && names(in: folder + "/outside").isEmpty)
        try holder.removeTree("tree")
      }
      #expect(written > 0, "mutations that spare the structure exist")
    }
  }

  private func mutated(_ seed: [UInt8], _ random: inout SplitMix) -> [UInt8] {
    var answer = seed
    for _ in 0..<Int.random(in: 1...3, using: &random) where !answer.isEmpty {
      let position = Int.random(in: answer.indices, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0: answer[position] = UInt8.random(in: .min ... .max, using: &random)
      case 1: answer[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: answer.removeSubrange(position..<min(answer.count, position + Int.random(in: 1...8, using: &random)))
      default: answer.insert(contentsOf: answer[position..<min(answer.count, position + 20)], at: position)
      }
    }
    return answer
  }

  private func refused(by unpacker: any ArchiveUnpacker) async throws -> ArtifactError {
    try await withTemporaryFolder { folder in
      let store = try ArtifactStore(directory: folder + "/artifacts", unpacker: unpacker, limits: HostileUnpackerTests.limits)
      let error = await #expect(throws: ArtifactError.self) { try await store.store(zip: [1], kind: .code) }
      #expect(try names(in: folder + "/artifacts").isEmpty)
      return try #require(error)
    }
  }
}
