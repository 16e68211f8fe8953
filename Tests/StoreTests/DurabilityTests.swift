import ArchiveStream
import FoundationEssentials
import FunctionModel
import GRDB
import Glibc
import Testing

@testable import Store

/// What is left when a process ends without notice. The bodies of the exit tests run in a process of their own.
@Suite struct DurabilityTests {
  @Test func `what the catalog acknowledged survives kill -9`() async throws {
    try await withTemporaryFolder { folder in
      await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String] in
        let catalog = try Catalog(path: folder + "/roost.sqlite")
        try await catalog.insert(configuration("f"))
        _ = try await catalog.update(functionID("f"), expectedRevision: "first") { (f) throws(ServiceError) in f.timeoutSeconds = 77 }
        _ = try await catalog.publish(layer: layerID("l")) { layerVersion(layerID("l"), $0) }
        _ = try await catalog.leaseUserID(for: "e", from: 50...60)
        raise(SIGKILL)
      }
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      #expect(catalog.function(functionID("f"))?.timeoutSeconds == 77)
      #expect(try await catalog.layerVersion(layerID("l"), 1) != nil)
      #expect(try await catalog.leasedUserIDs() == [50: "e"])
    }
  }

  @Test func `what the journal flushed survives kill -9`() async throws {
    try await withTemporaryFolder { folder in
      await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String] in
        let journal = try Journal(path: folder + "/journal.sqlite", retention: .forever)
        for number in 0..<700 { journal.append(invocation("r\(number)", accepted: Int64(number))) }
        journal.append(environment("e", started: 1))
        await journal.flush()
        raise(SIGKILL)
      }
      let journal = try Journal(path: folder + "/journal.sqlite", retention: .forever)
      #expect(try await journal.invocations(function: nil, limit: 1_000, before: nil).count == 700)
      try await journal.closeInterruptedEnvironments()
      #expect(try await journal.environment(id: "e")?.endReason == "interrupted")
      await journal.close()
    }
  }

  @Test func `an artefact stored before kill -9 is whole, and one being stored is not there`() async throws {
    try await withTemporaryFolder { folder in
      let whole = ZipFixture(.file("app.py", "print(1)")).bytes
      await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String, whole = whole as [UInt8]] in
        umask(0o077)  // must not narrow the modes either
        let store = try ArtifactStore(directory: folder + "/artifacts")
        _ = try await store.store(zip: whole, kind: .code)
        let root = try Folder.open(path: folder + "/artifacts")
        let temporary = FileName.temporary()
        try root.makeFolder(temporary)
        try unpack(ZipFixture(.file("half", "x")).bytes, into: try root.folder(temporary), limits: .lambda)
        raise(SIGKILL)
      }
      #expect(try names(in: folder + "/artifacts").count == 2)
      let store = try ArtifactStore(directory: folder + "/artifacts")
      let left = try #require(try names(in: folder + "/artifacts").first)
      #expect(try names(in: folder + "/artifacts").count == 1)
      #expect(try text(folder + "/artifacts/\(left)/code/var/task/app.py") == "print(1)")
      #expect(try mode(folder + "/artifacts/\(left)/code/var/task") == 0o755)
      #expect(try await store.store(zip: whole, kind: .code).digest.hexadecimal == left)
    }
  }

  @Test func `the journal syncs normally, the catalog fully, both by write-ahead log`() async throws {
    try await withTemporaryFolder { folder in
      let journal = try Journal(path: folder + "/journal.sqlite", retention: .forever)
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      for (writer, expected) in [(journal.pool as any DatabaseWriter, 1), (catalog.database, 2)] {
        let settings = try await writer.writeWithoutTransaction { database in
          (try Int.fetchOne(database, sql: "PRAGMA synchronous"), try String.fetchOne(database, sql: "PRAGMA journal_mode"))
        }
        #expect(settings == (expected, "wal"))
      }
      await journal.close()
    }
  }

  @Test func `databases are for the eyes of their owner alone`() async throws {
    try await withTemporaryFolder { folder in
      let journal = try Journal(path: folder + "/journal.sqlite")
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      try await catalog.insert(configuration("f"))
      for name in ["roost.sqlite", "roost.sqlite-wal", "journal.sqlite", "journal.sqlite-wal"] {
        #expect(try mode(folder + "/" + name) == 0o600, "\(name)")
      }
      await journal.close()
    }
  }

  @Test func `a directory that is not there is named in the error`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/nowhere/roost.sqlite"
      let error = #expect(throws: StoreError.self) { try Catalog(path: path) }
      #expect(error?.description == "open on \(path): SQLite 14 (unable to open database file)")
      let other = #expect(throws: StoreError.self) { try ArtifactStore(directory: folder + "/nowhere/artifacts") }
      #expect(other?.description == "mkdir on \(folder)/nowhere/artifacts: No such file or directory (errno 2)")
    }
  }

  @Test func `a file written by a newer Roost is refused`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/roost.sqlite"
      try await Catalog(path: path).close()
      try await DatabaseQueue(path: path).write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('catalog-99')") }
      let error = #expect(throws: StoreError.self) { try Catalog(path: path) }
      let text = error?.description ?? ""
      #expect(text.hasPrefix("open on \(path): written by a newer Roost: its schema has catalog-99, this one knows up to catalog-"))
      #expect(text.hasSuffix("; install the newer version or restore a backup"))
    }
  }

  @Test func `migrating twice changes nothing`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/roost.sqlite"
      func schema() throws -> [String] {
        try DatabaseQueue(path: path).read { try String.fetchAll($0, sql: "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL") }
      }
      try await Catalog(path: path).close()
      let first = try schema()
      try await Catalog(path: path).close()
      #expect(try schema() == first)
      #expect(first.contains { $0.hasPrefix("CREATE TABLE function ") })
    }
  }

  @Test func `a damaged catalog is noticed at the start after a crash`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/roost.sqlite"
      let catalog = try Catalog(path: path)
      for number in 0..<200 { try await catalog.insert(configuration("f\(number)")) }
      try await catalog.close()
      var bytes = try Data(contentsOf: URL(filePath: path))
      // In the middle of the file are the functions.
      let page = bytes.count / 4_096 / 2 * 4_096
      bytes.replaceSubrange(page + 8..<page + 1_000, with: repeatElement(0xA5, count: 992))
      try bytes.write(to: URL(filePath: path))
      #expect(!DatabaseFile.wasLeftOpen(path: path))
      let left = try DatabaseQueue(path: path)
      try await left.write { try $0.execute(sql: "INSERT INTO userIDLease VALUES (1, 'e', 1)") }
      #expect(DatabaseFile.wasLeftOpen(path: path))
      let error = #expect(throws: StoreError.self) { try Catalog(path: path) }
      #expect(error?.operation == "quick_check")
      try left.close()
    }
  }

  @Test func `a file that is no database is refused`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/roost.sqlite"
      try Data(repeating: 0x41, count: 5_000).write(to: URL(filePath: path))
      let error = #expect(throws: StoreError.self) { try Catalog(path: path) }
      #expect(error?.answer == "SQLite 26 (file is not a database)")
    }
  }
}
