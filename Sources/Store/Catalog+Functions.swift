package import FunctionModel
import FoundationEssentials
import GRDB
import Synchronization

extension Catalog {
  /// Adds a function, with the revision id that it carries. Throws ``CatalogError/exists``.
  package func insert(_ function: FunctionConfiguration) async throws(CatalogError) {
    let entry = Entry(latest: Snapshot(function, revision: Catalog.makeRevision()))
    _ = try await write("insert function \(function.id.name)") { [self] database in
      guard self.function(function.id) == nil else { throw CatalogError.exists }
      try Catalog.save(entry, in: database)
    } committed: { [self] in
      entries.withLock { $0[function.id] = entry }
    }
  }

  /// Changes a function and gives it a new revision id.
  ///
  /// `change` runs once, on the catalog's queue, on the newest configuration: it must not wait for anything. `lastModified` and the
  /// revision of the function's ``FunctionVersion`` move only if more than state and tags has changed: then old environments retire.
  /// Throws ``CatalogError/missing``, ``CatalogError/revisionMismatch`` (if `expectedRevision` is given and is not the current revision
  /// id), and ``CatalogError/refused(_:)`` with what `change` threw; nothing has changed then.
  package func update(
    _ id: FunctionID, expectedRevision: String?,
    _ change: @escaping @Sendable (inout FunctionConfiguration) throws(ServiceError) -> Void
  ) async throws(CatalogError) -> FunctionConfiguration {
    try await self.change(id, "update function \(id.name)") { [self] entry, database in
      if let expectedRevision, expectedRevision != entry.latest.configuration.revisionID { throw CatalogError.revisionMismatch }
      entry.latest = try changed(entry.latest, by: change)
      try Catalog.save(entry, in: database)
      return entry.latest.configuration
    }
  }

  private func changed(
    _ old: Snapshot, by change: (inout FunctionConfiguration) throws(ServiceError) -> Void
  ) throws(CatalogError) -> Snapshot {
    var configuration = old.configuration
    do { try change(&configuration) } catch { throw .refused(error) }
    precondition(configuration.id == old.configuration.id, "an update does not rename a function")
    configuration.revisionID = Catalog.makeRevision()
    guard !configuration.hasSameCodeAndConfiguration(as: old.configuration) else {
      return Snapshot(configuration, revision: old.version.key.revision)
    }
    configuration.lastModified = now()
    return Snapshot(configuration, revision: Catalog.makeRevision())
  }

  /// Removes a function with its versions, aliases and settings. Throws ``CatalogError/missing``.
  package func delete(_ id: FunctionID) async throws(CatalogError) {
    _ = try await write("delete function \(id.name)") { [self] database in
      guard function(id) != nil else { throw CatalogError.missing }
      for (table, column) in [("functionSetting", "function"), ("alias", "function"), ("functionVersion", "name"), ("function", "name")] {
        try database.execute(
          sql: "DELETE FROM \(table) WHERE account = ? AND region = ? AND \(column) = ?",
          arguments: [id.owner.account, id.owner.region, id.name])
      }
    } committed: { [self] in
      entries.withLock { $0[id] = nil }
    }
  }

  /// Ends the transitions that a crash interrupted; call it at start.
  ///
  /// A pending function, or one whose update was in progress, becomes active if `isComplete` finds its code and layers on disk, and
  /// failed otherwise. Returns the functions that were changed.
  @discardableResult
  package func updateStateOfInterruptedFunctions(
    isComplete: @Sendable (FunctionConfiguration) -> Bool
  ) async throws(CatalogError) -> [FunctionID] {
    let interrupted = entries.withLock { $0.values.map(\.latest.configuration) }
      .filter { $0.state == .pending || $0.lastUpdate == .inProgress }
    for function in interrupted {
      let complete = isComplete(function)
      _ = try await update(function.id, expectedRevision: nil) { (function: inout FunctionConfiguration) throws(ServiceError) in
        function.settle(complete: complete)
      }
    }
    return interrupted.map(\.id)
  }

  /// Every artefact that a function or a layer version needs.
  package func referencedArtifacts() async throws(CatalogError) -> Set<ContentDigest> {
    let ofLayers = try await read("list layer artefacts") { database in
      try String.fetchAll(database, sql: "SELECT DISTINCT digest FROM layerVersion").compactMap(ContentDigest.init)
    }
    let ofFunctions = entries.withLock { entries in
      entries.values.flatMap(\.snapshots).flatMap { [$0.version.code] + $0.version.layers }
    }
    return Set(ofLayers + ofFunctions)
  }

  static func save(_ entry: Entry, in database: Database) throws {
    let id = entry.latest.configuration.id
    try database.execute(
      sql: """
        INSERT OR REPLACE INTO function (account, region, name, revision, configuration, lastVersion, publishedRevision)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        id.owner.account, id.owner.region, id.name, entry.latest.version.key.revision, encoded(entry.latest.configuration),
        entry.lastVersion, entry.publishedRevision,
      ])
  }

  static func makeRevision() -> String { UUID().uuidString.lowercased() }

  /// A document as it stands in a TEXT column, with its members in a fixed order.
  static func encoded(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}

extension FunctionConfiguration {
  /// Whether an environment of `other` may serve this one: all is equal but states, tags and the marks of change.
  fileprivate func hasSameCodeAndConfiguration(as other: FunctionConfiguration) -> Bool {
    var copy = self
    copy.state = other.state
    copy.lastUpdate = other.lastUpdate
    copy.tags = other.tags
    copy.revisionID = other.revisionID
    copy.lastModified = other.lastModified
    return copy == other
  }

  fileprivate mutating func settle(complete: Bool) {
    let code = "InternalError"
    let reason = "The host was stopped before the change was complete. Update the function to try again."
    if state == .pending { state = complete ? .active : .failed(code: code, reason: reason) }
    lastUpdate = complete ? .successful : .failed(code: code, reason: reason)
  }
}
