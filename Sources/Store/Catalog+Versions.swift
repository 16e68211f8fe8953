package import FunctionModel
import FoundationEssentials
import GRDB
import Synchronization

// Published versions, which never change, and aliases, which lead to them.
extension Catalog {
  /// Makes a version of `$LATEST` as it is, or returns the last one if nothing has changed since.
  ///
  /// - Parameters:
  ///   - description: the version's own; `nil` takes that of `$LATEST`.
  ///   - accept: may refuse what would be published; runs on the catalog's queue.
  ///
  /// Throws ``CatalogError/missing``, ``CatalogError/revisionMismatch`` and ``CatalogError/refused(_:)``.
  package func publish(
    _ id: FunctionID, description: String?, expectedRevision: String?,
    _ accept: @escaping @Sendable (FunctionConfiguration) throws(ServiceError) -> Void
  ) async throws(CatalogError) -> FunctionConfiguration {
    try await change(id, "publish a version of \(id.name)") { entry, database in
      let latest = entry.latest
      if let expectedRevision, expectedRevision != latest.configuration.revisionID { throw CatalogError.revisionMismatch }
      do throws(ServiceError) { try accept(latest.configuration) } catch { throw CatalogError.refused(error) }
      if entry.publishedRevision == latest.version.key.revision, let last = entry.published[entry.lastVersion] {
        return last.configuration
      }
      entry.lastVersion += 1
      entry.publishedRevision = latest.version.key.revision
      var configuration = latest.configuration
      configuration.version = String(entry.lastVersion)
      configuration.revisionID = Catalog.makeRevision()
      if let description { configuration.description = description }
      let snapshot = Snapshot(configuration, revision: Catalog.makeRevision())
      entry.published[entry.lastVersion] = snapshot
      try Catalog.save(entry, in: database)
      try Catalog.save(snapshot, entry.lastVersion, in: database)
      return configuration
    }
  }

  /// Removes a published version; one that is not there is no error. Throws ``CatalogError/missing`` if there is no such function, and
  /// ``CatalogError/refused(_:)`` with `conflict` of an alias that leads to it.
  package func deleteVersion(
    _ id: FunctionID, _ number: Int, conflict: @escaping @Sendable (FunctionAlias) -> ServiceError
  ) async throws(CatalogError) {
    try await change(id, "delete version \(number) of \(id.name)") { entry, database in
      let aliases = entry.aliases.values.filter { $0.leads(to: String(number)) }.sorted { $0.name < $1.name }
      if let alias = aliases.first { throw CatalogError.refused(conflict(alias)) }
      entry.published[number] = nil
      try Catalog.removeSettings(of: id, qualifier: String(number), from: &entry, database)
      try database.execute(
        sql: "DELETE FROM functionVersion WHERE account = ? AND region = ? AND name = ? AND version = ?",
        arguments: [id.owner.account, id.owner.region, id.name, number])
    }
  }

  /// `$LATEST`, then the published versions in the order of their numbers; from memory.
  package func versions(of id: FunctionID) -> [FunctionConfiguration] {
    entries.withLock { entries in
      guard let entry = entries[id] else { return [] }
      return [entry.latest.configuration] + entry.published.sorted { $0.key < $1.key }.map(\.value.configuration)
    }
  }

  package func alias(_ id: FunctionID, _ name: String) -> FunctionAlias? { entries.withLock { $0[id]?.aliases[name] } }

  /// By name; from memory.
  package func aliases(of id: FunctionID) -> [FunctionAlias] {
    entries.withLock { $0[id]?.aliases.values.sorted { $0.name < $1.name } ?? [] }
  }

  /// Adds an alias, with the revision id that it carries. Throws ``CatalogError/missing`` and ``CatalogError/exists``.
  package func insert(_ alias: FunctionAlias, of id: FunctionID) async throws(CatalogError) {
    try await change(id, "make alias \(alias.name) of \(id.name)") { entry, database in
      guard entry.aliases[alias.name] == nil else { throw CatalogError.exists }
      try Catalog.save(alias, of: id, in: &entry, database)
    }
  }

  /// Changes an alias and gives it a new revision id.
  ///
  /// `change` runs once, on the catalog's queue. Throws ``CatalogError/missing``, ``CatalogError/revisionMismatch`` and
  /// ``CatalogError/refused(_:)``.
  package func updateAlias(
    _ id: FunctionID, _ name: String, expectedRevision: String?,
    _ change: @escaping @Sendable (inout FunctionAlias) throws(ServiceError) -> Void
  ) async throws(CatalogError) -> FunctionAlias {
    try await self.change(id, "update alias \(name) of \(id.name)") { entry, database in
      guard var alias = entry.aliases[name] else { throw CatalogError.missing }
      if let expectedRevision, expectedRevision != alias.revisionID { throw CatalogError.revisionMismatch }
      do throws(ServiceError) { try change(&alias) } catch { throw CatalogError.refused(error) }
      alias.revisionID = Catalog.makeRevision()
      try Catalog.save(alias, of: id, in: &entry, database)
      return alias
    }
  }

  /// Removes an alias; one that is not there is no error. Throws ``CatalogError/missing`` if there is no such function.
  package func deleteAlias(_ id: FunctionID, _ name: String) async throws(CatalogError) {
    try await change(id, "delete alias \(name) of \(id.name)") { entry, database in
      entry.aliases[name] = nil
      try Catalog.removeSettings(of: id, qualifier: name, from: &entry, database)
      try database.execute(
        sql: "DELETE FROM alias WHERE account = ? AND region = ? AND function = ? AND name = ?",
        arguments: [id.owner.account, id.owner.region, id.name, name])
    }
  }

  static func save(_ snapshot: Snapshot, _ number: Int, in database: Database) throws {
    let id = snapshot.configuration.id
    try database.execute(
      sql: "INSERT OR REPLACE INTO functionVersion (account, region, name, version, revision, configuration) VALUES (?, ?, ?, ?, ?, ?)",
      arguments: [
        id.owner.account, id.owner.region, id.name, number, snapshot.version.key.revision, encoded(snapshot.configuration),
      ])
  }

  static func save(_ alias: FunctionAlias, of id: FunctionID, in entry: inout Entry, _ database: Database) throws {
    entry.aliases[alias.name] = alias
    try database.execute(
      sql: "INSERT OR REPLACE INTO alias (account, region, function, name, document) VALUES (?, ?, ?, ?, ?)",
      arguments: [id.owner.account, id.owner.region, id.name, alias.name, encoded(alias)])
  }

  /// Changes one function on disk, and in memory once that is committed. Throws ``CatalogError/missing`` and what `body` throws.
  func change<Value: Sendable>(
    _ id: FunctionID, _ operation: String, _ body: @escaping @Sendable (inout Entry, Database) throws -> Value
  ) async throws(CatalogError) -> Value {
    try await write(operation) { [self] database -> (Entry, Value) in
      guard var entry = entries.withLock({ $0[id] }) else { throw CatalogError.missing }
      let value = try body(&entry, database)
      return (entry, value)
    } committed: { [self] entry, _ in
      entries.withLock { $0[id] = entry }
      indexURLs(of: id, entry)
    }.1
  }
}
