import Crypto
import FoundationEssentials
import FunctionModel
import Testing

@testable import Store

@Suite struct ArtifactStoreTests {
  @Test func `code is unpacked below var/task and a layer below opt`() async throws {
    try await withTemporaryFolder { folder in
      let store = try ArtifactStore(directory: folder + "/artifacts")
      let zip = ZipFixture(.file("app.py", "print(1)"), .file("data/rows.csv", "a,b")).bytes
      let code = try await store.store(zip: zip, kind: .code)
      #expect(try await store.store(zip: zip, kind: .layer) == code)

      #expect(code.digest == ContentDigest(bytes: Array(SHA256.hash(data: zip))))
      #expect(code.zippedBytes == Int64(zip.count))
      #expect(code.unzippedBytes == 11)
      let place = folder + "/artifacts/\(code.digest)"
      #expect(try text(place + "/code/var/task/data/rows.csv") == "a,b")
      #expect(try text(place + "/layer/opt/app.py") == "print(1)")
      #expect(try await store.zip(code.digest) == zip)
      #expect(try names(in: folder + "/artifacts") == [code.digest.hexadecimal])
      #expect(try names(in: place) == ["code", "layer", "zip"])
      #expect(store.contains(code.digest, .code) && !store.contains(digest("0"), .code))
    }
  }

  @Test func `an artefact of many files is stored like one of few`() async throws {
    try await withTemporaryFolder { folder in
      let task = try await unpack(ZipFixture((0..<400).map { .file("d\($0 % 7)/f\($0)", "\($0)") }), in: folder)
      #expect(try names(in: task).count == 7)
      #expect(try text(task + "/d0/f399") == "399")
      #expect(try modified(task + "/d0") == Date(timeIntervalSince1970: 315_532_800))
    }
  }

  @Test func `a function is complete when its code and every layer are there`() async throws {
    try await withTemporaryFolder { folder in
      let store = try ArtifactStore(directory: folder + "/artifacts")
      var function = configuration("f")
      function.code = try await store.store(zip: ZipFixture(.file("a", "code")).bytes, kind: .code)
      #expect(!store.isComplete(function))
      function.layers[0].code = try await store.store(zip: ZipFixture(.file("a", "layer")).bytes, kind: .layer)
      #expect(store.isComplete(function))
      function.layers[0].code = function.code
      #expect(!store.isComplete(function), "unpacked as code, not as a layer")
    }
  }

  @Test func `modes are normalised and times fixed`() async throws {
    try await withTemporaryFolder { folder in
      let store = try ArtifactStore(directory: folder + "/artifacts")
      let stored = try await store.store(
        zip: ZipFixture(
          .file("bootstrap", "#!", mode: 0o104711), .file("secret", "x", mode: 0o100600), .file("wide", "x", mode: 0o102666),
          .file("none", "x", mode: 0), .file("a/b/c", "x"), .link("l", to: "secret")
        ).bytes, kind: .code)
      let code = folder + "/artifacts/\(stored.digest)/code"
      let task = code + "/var/task"
      for path in [code + "/var", task, task + "/a", task + "/a/b", task + "/bootstrap"] {
        #expect(try mode(path) == 0o755, "\(path)")
      }
      for path in ["secret", "wide", "none", "a/b/c"] { #expect(try mode(task + "/" + path) == 0o644, "\(path)") }
      for path in ["", "/a", "/a/b", "/a/b/c", "/bootstrap", "/l"] {
        #expect(try modified(task + path) == Date(timeIntervalSince1970: 315_532_800), "\(path)")
      }
    }
  }

  @Test func `links within the tree are kept`() async throws {
    try await withTemporaryFolder { folder in
      let task = try await unpack(
        ZipFixture(
          .file("lib/libz.so.1.2", "elf"), .link("lib/libz.so", to: "libz.so.1.2"), .link("bin/deep/z", to: "../../lib/./libz.so"),
          .link("here", to: "."), .link("dangling", to: "not/there")), in: folder)
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: task + "/bin/deep/z") == "../../lib/./libz.so")
      #expect(try text(task + "/bin/deep/z") == "elf")
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: task + "/dangling") == "not/there")
    }
  }

  @Test func `deflated data, odd but harmless names and comments are unpacked`() async throws {
    try await withTemporaryFolder { folder in
      var zip = ZipFixture(
        .directory("./"), .directory("empty/"), .file("./dot//twice"), .file("-rf"), .file("with space\n"),
        .file("h\u{e9}/e\u{301}"), .file("...", "dots"), .zeros("zeros", count: 1 + 258 * 1000),
        .file("windows\\style", "w").with { $0.system = 0 }, .file("unix\\style"))
      zip.comment = Array("made by hand".utf8)
      let task = try await unpack(zip, in: folder)
      #expect(
        try names(in: task) == ["-rf", "...", "dot", "empty", "h\u{e9}", "unix\\style", "windows", "with space\n", "zeros"].sorted())
      #expect(try text(task + "/windows/style") == "w")
      #expect(try FileManager.default.attributesOfItem(atPath: task + "/zeros")[.size] as? Int == 258_001)
      #expect(try names(in: task + "/h\u{e9}").first?.utf8.count == 3)
    }
  }

  @Test func `a zip behind a program that unpacks it is unpacked, whether its offsets count the program or not`() async throws {
    try await withTemporaryFolder { folder in
      let program = Array("#!/bin/sh\n".utf8)
      let zip = ZipFixture(.file("a", "first"), .file("b", "second"))
      let task = try await unpack(program + zip.bytes, in: folder)
      #expect(try text(task + "/a") == "first")
      #expect(try text(task + "/b") == "second")
      let counted = zip.with { $0.prefix = program }
      let other = try await unpack(counted.bytes, in: folder)
      #expect(try text(other + "/b") == "second")
    }
  }

  @Test func `names that are not in UTF-8 are read as their system writes them`() async throws {
    try await withTemporaryFolder { folder in
      let dos = ZipFixture.Entry.file("x", "dos").with { ($0.name, $0.flags, $0.system) = ([0x81, 0x5C, 0x82], 0, 0) }
      let utf8 = Array("\u{fc}2".utf8)
      let escaped = ZipFixture.Entry.file("#U00fc2", "escaped").with {
        $0.flags = 0
        $0.extra = [0x75, 0x70, UInt8(5 + utf8.count), 0, 1] + le(crc32($0.name)) + utf8
      }
      let stale = ZipFixture.Entry.file("#renamed").with {
        $0.flags = 0
        $0.extra = [0x75, 0x70, 6, 0, 1, 0, 0, 0, 0, 65]
      }
      let task = try await unpack(ZipFixture(dos, escaped, stale), in: folder)
      #expect(try names(in: task) == ["#renamed", "\u{fc}", "\u{fc}2"])
      #expect(try text(task + "/\u{fc}/\u{e9}") == "dos")
    }
  }

  @Test func `what else programs write is understood`() async throws {
    try await withTemporaryFolder { folder in
      let task = try await unpack(
        ZipFixture(
          ZipFixture.Entry.file("mac", "m", mode: 0o100755).with { $0.system = 19 },
          ZipFixture.Entry.file("deflated to nothing").with { $0.method = 8 },
          ZipFixture.Entry.file("streamed", "s").with { ($0.localFlags, $0.localSize) = (0x808, 0) }), in: folder)
      #expect(try mode(task + "/mac") == 0o755)
      #expect(try text(task + "/deflated to nothing").isEmpty)
      #expect(try text(task + "/streamed") == "s")
    }
  }

  @Test func `names that differ only in composition are two files`() async throws {
    try await withTemporaryFolder { folder in
      let task = try await unpack(ZipFixture(.file("\u{e9}/x", "1"), .file("e\u{301}/x", "2"), .file("\u{e9}/y", "3")), in: folder)
      #expect(try FileManager.default.contentsOfDirectory(atPath: task).count == 2)
      #expect(try text(task + "/\u{e9}/y") == "3")
      #expect(try text(task + "/e\u{301}/x") == "2")
    }
  }

  @Test func `a zip with 64-bit sizes and end record is unpacked`() async throws {
    try await withTemporaryFolder { folder in
      var zip = ZipFixture(
        .file("plain", "1"),
        ZipFixture.Entry.file("wide", "text").with {
          $0.localSize = .max
          $0.size = .max
          $0.extra = [9, 9, 1, 0, 7] + [1, 0, 8, 0] + le(UInt64(4))
        })
      zip.wideEnd = true
      let task = try await unpack(zip, in: folder)
      #expect(try text(task + "/wide") == "text")
    }
  }

  @Test func `of two entries with one name the later wins`() async throws {
    try await withTemporaryFolder { folder in
      let task = try await unpack(
        ZipFixture(.file("a", "first"), .link("l", to: "a"), .file("a", "second"), .file("l", "not through the link")), in: folder)
      #expect(try text(task + "/a") == "second")
      #expect(try text(task + "/l") == "not through the link")
    }
  }

  @Test func `storing the same zip many times at once makes one artefact`() async throws {
    try await withTemporaryFolder { folder in
      let stores = [try ArtifactStore(directory: folder + "/artifacts"), try ArtifactStore(directory: folder + "/artifacts")]
      let zip = ZipFixture((0..<50).map { .file("file\($0)", "\($0)") }).bytes
      let stored = try await withThrowingTaskGroup(of: CodeArtifact.self) { group in
        for index in 0..<16 { group.addTask { try await stores[index % 2].store(zip: zip, kind: .code) } }
        return try await group.reduce(into: Set<CodeArtifact>()) { $0.insert($1) }
      }
      #expect(stored.count == 1)
      #expect(try names(in: folder + "/artifacts") == stored.map(\.digest.hexadecimal))
      #expect(try names(in: folder + "/artifacts/\(stored.first?.digest.hexadecimal ?? "")/code/var/task").count == 50)
    }
  }

  @Test func `what a crash left half made is removed at start and does not hinder`() async throws {
    try await withTemporaryFolder { folder in
      let zip = ZipFixture(.file("app.py", "x")).bytes
      let digest = try #require(ContentDigest(bytes: Array(SHA256.hash(data: zip))))
      let leftover = folder + "/artifacts/.incoming-1-2/code/var/task"
      for path in [leftover, folder + "/artifacts/\(digest)"] {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      }
      try FileManager.default.createSymbolicLink(atPath: leftover + "/away", withDestinationPath: folder)
      let store = try ArtifactStore(directory: folder + "/artifacts")
      #expect(try names(in: folder + "/artifacts") == [digest.hexadecimal])
      #expect(!store.contains(digest, .code))
      _ = try await store.store(zip: zip, kind: .code)
      #expect(store.contains(digest, .code))
    }
  }

  @Test func `collection keeps what is needed and what is young`() async throws {
    try await withTemporaryFolder { folder in
      let store = try ArtifactStore(directory: folder + "/artifacts")
      let kept = try await store.store(zip: ZipFixture(.file("a", "kept")).bytes, kind: .code)
      let other = try await store.store(zip: ZipFixture(.file("a", "other"), .link("l", to: "a")).bytes, kind: .layer)
      try await store.collect(keeping: [kept.digest])
      #expect(store.contains(other.digest, .layer))
      try await store.collect(keeping: [kept.digest], olderThan: .zero)
      #expect(try names(in: folder + "/artifacts") == [kept.digest.hexadecimal])
      await #expect(throws: ArtifactError.missing(other.digest)) { try await store.zip(other.digest) }
    }
  }

  private func unpack(_ zip: ZipFixture, in folder: String) async throws -> String { try await unpack(zip.bytes, in: folder) }

  private func unpack(_ zip: [UInt8], in folder: String) async throws -> String {
    let store = try ArtifactStore(directory: folder + "/artifacts")
    let stored = try await store.store(zip: zip, kind: .code)
    return folder + "/artifacts/\(stored.digest)/code/var/task"
  }
}

func names(in path: String) throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
func text(_ path: String) throws -> String { String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self) }
func modified(_ path: String) throws -> Date? { try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date }
func mode(_ path: String) throws -> Int {
  try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
}
