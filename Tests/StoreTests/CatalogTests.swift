import FunctionModel
import GRDB
import Synchronization
import Testing

@testable import Store

@Suite struct CatalogTests {
  @Test func `a function is found again after the catalog is opened anew`() async throws {
    try await withTemporaryFolder { folder in
      let stored = configuration("thumbnail")
      let first = try Catalog(path: folder + "/roost.sqlite")
      try await first.insert(stored)
      let version = first.version(stored.id, qualifier: nil)
      try await first.close()

      let second = try Catalog(path: folder + "/roost.sqlite")
      #expect(second.function(stored.id) == stored)
      #expect(second.version(stored.id, qualifier: "$LATEST") == version)
      #expect(second.version(stored.id, qualifier: "7") == nil)
    }
  }

  @Test func `a snapshot carries what an environment needs`() async throws {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      try await catalog.insert(configuration("f"))
      let version = try #require(catalog.version(functionID("f"), qualifier: nil))
      #expect(version.version == "$LATEST")
      #expect(version.timeout == .seconds(3))
      #expect(version.code == digest("a"))
      #expect(version.layers == [digest("b")])
      #expect(version.logGroup == "/aws/lambda/f")
      let own = try await catalog.update(functionID("f"), expectedRevision: nil) { (f) throws(ServiceError) in
        f.logGroup = "own"
        f.logFormat = .json(application: .debug, system: .warn)
      }
      #expect(own.logGroup == "own")
      #expect(catalog.version(functionID("f"), qualifier: nil)?.logGroup == "own")
      #expect(catalog.version(functionID("f"), qualifier: nil)?.logFormat == .json(application: .debug, system: .warn))
    }
  }

  @Test func `a function of a catalog without log formats has its log in text`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/roost.sqlite"
      let stored = configuration("f")
      let first = try Catalog(path: path)
      try await first.insert(stored)
      try await first.close()
      let old = try DatabaseQueue(path: path)
      try await old.write { database in
        try database.execute(sql: "UPDATE function SET configuration = json_remove(configuration, '$.logFormat')")
        try database.execute(sql: "DELETE FROM grdb_migrations WHERE identifier = 'catalog-2'")
      }
      try old.close()

      let second = try Catalog(path: path)
      #expect(second.function(stored.id) == stored)
      #expect(second.version(stored.id, qualifier: nil)?.logFormat == .text)
    }
  }

  @Test func `a name is taken once per owner`() async throws {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      try await catalog.insert(configuration("f"))
      await #expect(throws: CatalogError.exists) { try await catalog.insert(configuration("f")) }
      var elsewhere = configuration("f")
      elsewhere.id.owner.region = "eu-west-1"
      try await catalog.insert(elsewhere)
      #expect(catalog.functions(of: owner).count == 1)
    }
  }

  @Test func `functions are listed by name`() async throws {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      for name in ["b", "a", "c"] { try await catalog.insert(configuration(name)) }
      #expect(catalog.functions(of: owner).map(\.id.name) == ["a", "b", "c"])
      #expect(catalog.functions(of: Owner(account: "111111111111", region: "us-east-1")).isEmpty)
    }
  }

  @Test func `a state change moves the revision id but keeps environments valid`() async throws {
    try await withTemporaryFolder { folder in
      let clock = Mutex<Int64>(5)
      let catalog = try Catalog(path: folder + "/roost.sqlite", now: { clock.withLock { $0 } })
      let created = configuration("f", state: .pending)
      try await catalog.insert(created)
      let key = catalog.version(created.id, qualifier: nil)?.key
      let active = try await catalog.update(created.id, expectedRevision: nil) { (f) throws(ServiceError) in
        f.state = .active
        f.lastUpdate = .successful
        f.tags["team"] = "b"
      }
      #expect(active.revisionID != created.revisionID)
      #expect(active.lastModified == created.lastModified)
      #expect(catalog.version(created.id, qualifier: nil)?.key == key)
    }
  }

  @Test(arguments: [
    { @Sendable (f: inout FunctionConfiguration) in f.description = "new" },
    { @Sendable (f: inout FunctionConfiguration) in f.environment["A"] = "1" },
    { @Sendable (f: inout FunctionConfiguration) in f.code = artifact("d") },
    { @Sendable (f: inout FunctionConfiguration) in f.memory = .megabytes(256) },
    { @Sendable (f: inout FunctionConfiguration) in f.layers = [] },
    { @Sendable (f: inout FunctionConfiguration) in f.logFormat = .defaultJSON },
  ])
  func `a change of code or configuration retires environments`(_ change: @escaping @Sendable (inout FunctionConfiguration) -> Void)
    async throws
  {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite", now: { 1_800_000_000_000 })
      try await catalog.insert(configuration("f"))
      let key = try #require(catalog.version(functionID("f"), qualifier: nil)?.key)
      let changed = try await catalog.update(functionID("f"), expectedRevision: "first") { (f) throws(ServiceError) in change(&f) }
      #expect(changed.lastModified == 1_800_000_000_000)
      let newKey = try #require(catalog.version(functionID("f"), qualifier: nil)?.key)
      #expect(newKey.revision != key.revision)
      try await catalog.close()
      #expect(try Catalog(path: folder + "/roost.sqlite").version(functionID("f"), qualifier: nil)?.key == newKey)
    }
  }

  @Test func `a refused update changes nothing`() async throws {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      let stored = configuration("f")
      try await catalog.insert(stored)
      let refusal = ServiceError.resourceConflict("an update is in progress")
      await #expect(throws: CatalogError.refused(refusal)) {
        try await catalog.update(stored.id, expectedRevision: nil) { (f) throws(ServiceError) in
          f.description = "half"
          throw refusal
        }
      }
      await #expect(throws: CatalogError.revisionMismatch) {
        try await catalog.update(stored.id, expectedRevision: "stale") { (f) throws(ServiceError) in f.description = "other" }
      }
      await #expect(throws: CatalogError.missing) {
        try await catalog.update(functionID("g"), expectedRevision: nil) { (_) throws(ServiceError) in }
      }
      #expect(catalog.function(stored.id) == stored)
    }
  }

  @Test func `concurrent updates are all applied, one after the other`() async throws {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      try await catalog.insert(configuration("f"))
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<20 {
          group.addTask {
            _ = try await catalog.update(functionID("f"), expectedRevision: nil) { (f) throws(ServiceError) in f.timeoutSeconds += 1 }
          }
        }
        try await group.waitForAll()
      }
      #expect(catalog.function(functionID("f"))?.timeoutSeconds == 23)
    }
  }

  @Test func `a deleted function is gone from memory and disk`() async throws {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      try await catalog.insert(configuration("f"))
      try await catalog.delete(functionID("f"))
      await #expect(throws: CatalogError.missing) { try await catalog.delete(functionID("f")) }
      #expect(catalog.function(functionID("f")) == nil)
      #expect(catalog.version(functionID("f"), qualifier: nil) == nil)
      #expect(try Catalog(path: folder + "/roost.sqlite").functions(of: owner).isEmpty)
    }
  }

  @Test func `a start settles the transitions that a crash interrupted`() async throws {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      try await catalog.insert(configuration("whole", state: .pending, code: "1"))
      try await catalog.insert(configuration("lost", state: .pending, code: "2"))
      var updating = configuration("updating", code: "1")
      updating.lastUpdate = .inProgress
      try await catalog.insert(updating)
      try await catalog.insert(configuration("idle"))

      let changed = try await catalog.updateStateOfInterruptedFunctions { $0.code.digest == digest("1") }
      #expect(Set(changed.map(\.name)) == ["whole", "lost", "updating"])
      #expect(catalog.function(functionID("whole"))?.state == .active)
      #expect(catalog.function(functionID("updating"))?.lastUpdate == .successful)
      #expect(catalog.function(functionID("idle"))?.revisionID == "first")
      guard case .failed(let code, _) = try #require(catalog.function(functionID("lost"))).state else {
        Issue.record("a function without its code cannot be active")
        return
      }
      #expect(code == "InternalError")
    }
  }

  @Test func `artefacts of functions, their layers and layer versions are referenced`() async throws {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      try await catalog.insert(configuration("f"))
      _ = try await catalog.publish(layer: layerID("l")) { layerVersion(layerID("l"), $0) }
      #expect(try await catalog.referencedArtifacts() == [digest("a"), digest("b"), digest("c")])
      try await catalog.deleteLayerVersion(layerID("l"), 1)
      try await catalog.delete(functionID("f"))
      #expect(try await catalog.referencedArtifacts().isEmpty)
    }
  }
}
