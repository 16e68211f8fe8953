import FunctionModel
import Testing

@testable import Store

@Suite struct CatalogVersionTests {
  private let id = functionID("f")

  private func publish(_ catalog: Catalog, description: String? = nil) async throws -> FunctionConfiguration {
    try await catalog.publish(id, description: description, expectedRevision: nil) { _ in }
  }

  private func changeTimeout(_ catalog: Catalog, to seconds: Int) async throws {
    _ = try await catalog.update(id, expectedRevision: nil) { (f) throws(ServiceError) in f.timeoutSeconds = seconds }
  }

  private func refuse(_ alias: FunctionAlias) -> ServiceError { .resourceConflict(alias.name) }

  @Test func `versions and aliases are found again, and no number is given twice`() async throws {
    try await withTemporaryFolder { folder in
      let first = try Catalog(path: folder + "/roost.sqlite")
      try await first.insert(configuration("f"))
      #expect(try await publish(first, description: "one").version == "1")
      try await changeTimeout(first, to: 5)
      #expect(try await publish(first).version == "2")
      try await first.deleteVersion(id, 2, conflict: refuse)
      try await first.insert(FunctionAlias(name: "live", version: "1", weights: ["2": 0.5], revisionID: "r"), of: id)
      let versions = first.versions(of: id)
      let snapshot = first.version(id, qualifier: "live")
      try await first.close()

      let second = try Catalog(path: folder + "/roost.sqlite")
      #expect(second.versions(of: id) == versions && versions.map(\.version) == ["$LATEST", "1"])
      #expect(second.version(id, qualifier: "live") == snapshot && snapshot?.timeout == .seconds(3) && snapshot?.version == "1")
      #expect(second.aliases(of: id) == [FunctionAlias(name: "live", version: "1", weights: ["2": 0.5], revisionID: "r")])
      #expect(try await publish(second).version == "3")
      #expect(second.function(id, qualifier: "1")?.description == "one" && second.function(id, qualifier: "01") == nil)
    }
  }

  @Test func `what has not changed is not published anew, and what was published does not change`() async throws {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      try await catalog.insert(configuration("f"))
      let one = try await publish(catalog)
      #expect(try await publish(catalog, description: "another") == one)
      _ = try await catalog.update(id, expectedRevision: nil) { (f) throws(ServiceError) in f.tags = ["only": "a tag"] }
      #expect(try await publish(catalog) == one)
      try await changeTimeout(catalog, to: 9)
      #expect(try await publish(catalog).version == "2")
      #expect(catalog.function(id, qualifier: "1") == one && one.timeoutSeconds == 3)
      #expect(catalog.version(id, qualifier: "1")?.key != catalog.version(id, qualifier: "2")?.key)
    }
  }

  @Test func `a version that an alias leads to stays, and a function goes with all it has`() async throws {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      try await catalog.insert(configuration("f"))
      _ = try await publish(catalog)
      try await catalog.insert(FunctionAlias(name: "live", version: "$LATEST", weights: ["1": 0.1], revisionID: "r"), of: id)
      await #expect(throws: CatalogError.refused(.resourceConflict("live"))) { try await catalog.deleteVersion(id, 1, conflict: refuse) }
      await #expect(throws: CatalogError.exists) {
        try await catalog.insert(FunctionAlias(name: "live", version: "1", revisionID: "s"), of: id)
      }
      await #expect(throws: CatalogError.revisionMismatch) {
        _ = try await catalog.updateAlias(id, "live", expectedRevision: "other") { _ in }
      }
      let changed = try await catalog.updateAlias(id, "live", expectedRevision: "r") { (alias) throws(ServiceError) in alias.weights = [:] }
      #expect(changed.revisionID != "r" && catalog.alias(id, "live") == changed)
      try await catalog.deleteVersion(id, 1, conflict: refuse)
      try await catalog.delete(id)
      try await catalog.insert(configuration("f"))
      #expect(catalog.aliases(of: id) == [] && catalog.versions(of: id).count == 1)
      #expect(try await publish(catalog).version == "1")
    }
  }

  @Test func `an alias splits its invocations by the draw`() async throws {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      try await catalog.insert(configuration("f"))
      _ = try await publish(catalog)
      try await changeTimeout(catalog, to: 5)
      _ = try await publish(catalog)
      try await catalog.insert(FunctionAlias(name: "split", version: "1", weights: ["2": 0.25], revisionID: "r"), of: id)
      let served = [0, 0.2499, 0.25, 0.9999].map { draw in catalog.target(id, qualifier: "split") { draw }?.version.version }
      #expect(served == ["2", "2", "1", "1"])
      #expect(catalog.target(id, qualifier: "3") { 0 } == nil && catalog.target(id, qualifier: "other") { 0 } == nil)
      #expect(catalog.target(id, qualifier: nil) { 0 }?.version.version == "$LATEST")
    }
  }

  @Test func `the code of a version stays referenced when the function has another`() async throws {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      try await catalog.insert(configuration("f", code: "a"))
      _ = try await publish(catalog)
      _ = try await catalog.update(id, expectedRevision: nil) { (f) throws(ServiceError) in f.code = artifact("d") }
      #expect(try await catalog.referencedArtifacts().isSuperset(of: [digest("a"), digest("d")]))
    }
  }

  @Test func `settings stand beside what they were set for, and go with it`() async throws {
    try await withTemporaryFolder { folder in
      let first = try Catalog(path: folder + "/roost.sqlite")
      try await first.insert(configuration("f"))
      _ = try await publish(first)
      try await first.insert(FunctionAlias(name: "live", version: "1", revisionID: "r"), of: id)
      try await first.updateSetting(ReservedConcurrency.self, of: id) { $0 = ReservedConcurrency(executions: 7) }
      for qualifier in ["", "1", "live"] {
        try await first.updateSetting(ResourcePolicy.self, of: id, qualifier: qualifier) {
          $0 = ResourcePolicy(statements: [.init(sid: "of \(qualifier)", action: "*", principal: .everyone)])
        }
      }
      try await first.close()

      let second = try Catalog(path: folder + "/roost.sqlite")
      #expect(second.setting(ReservedConcurrency.self, of: id)?.executions == 7)
      #expect(second.settings(ResourcePolicy.self, of: owner).map(\.qualifier) == ["", "1", "live"])
      #expect(second.setting(ResourcePolicy.self, of: id, qualifier: "live")?.statements.map(\.sid) == ["of live"])
      try await second.deleteAlias(id, "live")
      try await second.deleteVersion(id, 1, conflict: refuse)
      #expect(second.settings(ResourcePolicy.self).map(\.qualifier) == [""])
      try await second.updateSetting(ReservedConcurrency.self, of: id) { $0 = nil }
      #expect(second.setting(ReservedConcurrency.self, of: id) == nil)
      try await second.delete(id)
      try await second.insert(configuration("f"))
      #expect(second.settings(ResourcePolicy.self).isEmpty)
    }
  }

  @Test func `a setting that is a visible transition changes the revision id of what it stands beside`() async throws {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      try await catalog.insert(configuration("f"))
      _ = try await publish(catalog)
      try await catalog.insert(FunctionAlias(name: "live", version: "1", revisionID: "r"), of: id)
      let before = catalog.versions(of: id).map(\.revisionID)
      try await catalog.updateSetting(ResourcePolicy.self, of: id, qualifier: "live", revision: .changes(expected: "r")) {
        $0 = ResourcePolicy()
      }
      #expect(catalog.alias(id, "live")?.revisionID != "r" && catalog.versions(of: id).map(\.revisionID) == before)
      await #expect(throws: CatalogError.revisionMismatch) {
        try await catalog.updateSetting(ResourcePolicy.self, of: id, revision: .changes(expected: "r")) { $0 = ResourcePolicy() }
      }
      try await catalog.updateSetting(ResourcePolicy.self, of: id, qualifier: "1", revision: .changes(expected: before[1])) {
        $0 = ResourcePolicy()
      }
      try await catalog.updateSetting(ResourcePolicy.self, of: id, revision: .changes(expected: nil)) { $0 = ResourcePolicy() }
      for (old, new) in zip(before, catalog.versions(of: id).map(\.revisionID)) { #expect(old != new) }
    }
  }
}
