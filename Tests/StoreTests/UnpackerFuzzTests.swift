import ArchiveStream
import FoundationEssentials
import FunctionModel
import Testing

@testable import Store

/// Mutations of good zips: whatever comes of them, nothing lands outside the tree, nothing unwanted inside, and nothing traps.
@Suite struct UnpackerFuzzTests {
  static let seeds: [[UInt8]] = [
    ZipFixture(.file("app.py", "print(1)"), .directory("d/"), .file("d/e/f", "text"), .link("d/l", to: "e/f")).bytes,
    ZipFixture(.zeros("zeros", count: 1 + 258 * 20), .file("x", "y")).bytes,
    ZipFixture(
      ZipFixture.Entry.file("wide", "text").with {
        $0.size = .max
        $0.extra = [1, 0, 8, 0] + le(UInt64(4))
      }
    ).bytes,
  ]

  @Test(arguments: seeds.indices) func `a mutated zip is unpacked within bounds or refused`(_ seed: Int) async throws {
    try await withTemporaryFolder { folder in
      try FileManager.default.createDirectory(atPath: folder + "/outside", withIntermediateDirectories: true)
      var random = SplitMix(state: UInt64(seed) &* 0x9E37_79B9 &+ 1)
      var unpacked = 0
      for round in 0..<1_500 {
        let zip = mutated(UnpackerFuzzTests.seeds[seed], &random)
        let holder = try Folder.open(path: folder)
        try holder.makeFolder("tree")
        let tree = try holder.folder("tree")
        do throws(ArtifactError) {
          try unpack(zip, into: tree, limits: ArchiveLimits(unzippedBytes: 10_000, entries: 50, depth: 8))
          unpacked += 1
        } catch .io(let error) {
          Issue.record("round \(round): \(error) is a fault of ours")
        } catch {}  // refused, as most are
        try check(folder + "/tree", inside: folder + "/tree", depth: 8, round: round)
        #expect(try names(in: folder) == ["outside", "tree"])
        #expect(try names(in: folder + "/outside").isEmpty)
        try holder.removeTree("tree")
      }
      #expect(unpacked > 0, "mutations that spare the structure exist")
    }
  }

  /// One to four changes: a byte, a run of bytes, an interesting number, a piece moved or cut off.
  private func mutated(_ seed: [UInt8], _ random: inout SplitMix) -> [UInt8] {
    var zip = seed
    for _ in 0...Int.random(in: 0..<4, using: &random) where !zip.isEmpty {
      let position = Int.random(in: zip.indices, using: &random)
      switch Int.random(in: 0..<7, using: &random) {
      case 0, 1: zip[position] = UInt8.random(in: .min ... .max, using: &random)
      case 2: zip[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 3:
        let number = [[0, 0, 0, 0], [255, 255, 255, 255], [1, 0, 0, 0], [0, 0, 0, 128], Array("../x".utf8)].randomElement(using: &random)
        for (offset, byte) in (number ?? []).enumerated() where position + offset < zip.count { zip[position + offset] = byte }
      case 4: zip.removeSubrange(position..<min(zip.count, position + Int.random(in: 1...8, using: &random)))
      case 5: zip.insert(contentsOf: zip[position..<min(zip.count, position + 30)], at: Int.random(in: zip.indices, using: &random))
      default: zip.removeLast(Int.random(in: 0...min(30, zip.count), using: &random))
      }
    }
    return zip
  }

  private func check(_ path: String, inside root: String, depth: Int, round: Int) throws {
    #expect(depth >= 0, "round \(round): too deep")
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    switch attributes[.type] as? FileAttributeType {
    case .typeDirectory:
      for name in try names(in: path) { try check(path + "/" + name, inside: root, depth: depth - 1, round: round) }
    case .typeRegular:
      #expect(try #require(attributes[.size] as? Int) <= 10_000)
    case .typeSymbolicLink:
      let target = try FileManager.default.destinationOfSymbolicLink(atPath: path)
      #expect(!target.hasPrefix("/"), "round \(round): \(target)")
    default: Issue.record("round \(round): \(path) is of another type")
    }
  }
}

/// SplitMix64: the same mutations on every run.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
