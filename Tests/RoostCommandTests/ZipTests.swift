import FoundationEssentials
import Subprocess
import Testing

@testable import roost

@Suite struct ZipTests {
  @Test func `CRC-32 of the standard check string`() {
    #expect(Checksum32.of(Array("123456789".utf8)) == 0xcbf4_3926)
    #expect(Checksum32.of([]) == 0)
  }

  @Test func `Python reads a zipped directory back with content, modes and links`() async throws {
    try await withTemporaryDirectory { directory in
      let tree = "\(directory)/tree"
      try FileManager.default.createDirectory(atPath: "\(tree)/paket/leer", withIntermediateDirectories: true)
      try Data("print('hallo')\n".utf8).write(to: URL(filePath: "\(tree)/paket/äpp.py"))
      try Data((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }).write(to: URL(filePath: "\(tree)/daten.bin"))
      try Data("#!/bin/sh\n".utf8).write(to: URL(filePath: "\(tree)/bootstrap"))
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(tree)/bootstrap")
      try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: "\(tree)/daten.bin")
      try FileManager.default.createSymbolicLink(atPath: "\(tree)/link", withDestinationPath: "paket/äpp.py")
      try Data(try DirectoryZip.bytes(of: tree)).write(to: URL(filePath: "\(directory)/tree.zip"))
      let listing = try await Self.listing("\(directory)/tree.zip")
      #expect(
        listing == """
          bootstrap 100755 10 ok
          daten.bin 100640 100000 ok
          link 120777 13 ok -> paket/äpp.py
          paket/ 40755 0 ok
          paket/leer/ 40755 0 ok
          paket/äpp.py 100644 15 ok

          """)
    }
  }

  @Test func `the same tree gives the same bytes`() async throws {
    try await withTemporaryDirectory { directory in
      for name in ["a", "b"] {
        try FileManager.default.createDirectory(atPath: "\(directory)/\(name)", withIntermediateDirectories: false)
        for file in name == "a" ? ["x.py", "y.py"] : ["y.py", "x.py"] {
          try Data(file.utf8).write(to: URL(filePath: "\(directory)/\(name)/\(file)"))
        }
      }
      try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 0)], ofItemAtPath: "\(directory)/a/x.py")
      let (a, b) = (try DirectoryZip.bytes(of: "\(directory)/a"), try DirectoryZip.bytes(of: "\(directory)/b"))
      #expect(a == b)
    }
  }

  @Test func `an empty directory, a missing one and a pipe are refused by name`() async throws {
    try await withTemporaryDirectory { directory in
      #expect(throws: CommandFailure.self) { try DirectoryZip.bytes(of: directory) }
      let missing = #expect(throws: CommandFailure.self) { try DirectoryZip.bytes(of: "\(directory)/no") }
      #expect(missing?.message == "cannot read \(directory)/no: no such file or directory")
      _ = try await run(.name("mkfifo"), arguments: ["\(directory)/pipe"], output: .discarded)
      let pipe = #expect(throws: CommandFailure.self) { try DirectoryZip.bytes(of: directory) }
      #expect(pipe?.message == "\(directory)/pipe is neither a file nor a directory nor a symbolic link")
    }
  }

  @Test func `more than a function may hold is refused`() throws {
    var writer = StoredZipWriter()
    for _ in 0..<250 { try writer.add("x", mode: 0o100_644, content: [UInt8](repeating: 0, count: 1 << 20 - 64)) }
    #expect(throws: CommandFailure.self) { try writer.add("y", mode: 0o100_644, content: [UInt8](repeating: 0, count: 1 << 20)) }
  }

  /// One line per entry, and whether its checksum holds, by Python's zipfile.
  private static func listing(_ path: String) async throws -> String {
    let script = """
      import sys, zipfile
      with zipfile.ZipFile(sys.argv[1]) as z:
          assert z.testzip() is None
          for i in z.infolist():
              mode = i.external_attr >> 16
              link = ' -> ' + z.read(i).decode() if mode & 0o170000 == 0o120000 else ''
              sys.stdout.buffer.write(f'{i.filename} {mode:o} {i.file_size} ok{link}\\n'.encode())
      """
    let result = try await run(
      .name("python3"), arguments: ["-c", script, path], output: .string(limit: 65_536), error: .string(limit: 65_536))
    #expect(result.standardError == "")
    return result.standardOutput
  }
}
