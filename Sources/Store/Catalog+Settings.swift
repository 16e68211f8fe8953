package import FunctionModel
import FoundationEssentials
import GRDB
import Synchronization

/// Where one setting of a function stands.
struct SettingKey: Sendable, Hashable {
  var kind: String
  /// A version or an alias; empty for the function itself.
  var qualifier: String
}

// What stands beside a function's versions.
extension Catalog {
  /// Every kind that the catalog can read.
  private static let settingTypes: [any FunctionSetting.Type] = [
    ReservedConcurrency.self, ResourcePolicy.self, RecursiveLoop.self, RuntimeManagement.self, EventInvokeConfig.self, FunctionURL.self,
  ]

  /// A function's setting, or that of one qualifier; from memory.
  package func setting<Setting: FunctionSetting>(_: Setting.Type, of id: FunctionID, qualifier: String = "") -> Setting? {
    entries.withLock { $0[id]?.settings[SettingKey(kind: Setting.kind, qualifier: qualifier)] as? Setting }
  }

  /// The settings of one kind of all of an owner's functions, by function and qualifier; from memory. All owners' if `owner` is `nil`.
  package func settings<Setting: FunctionSetting>(
    _: Setting.Type, of owner: Owner? = nil
  ) -> [(function: FunctionID, qualifier: String, setting: Setting)] {
    entries.withLock { entries in
      entries.lazy.filter { owner == nil || $0.key.owner == owner }.flatMap { id, entry in
        entry.settings.compactMap { key, setting in (setting as? Setting).map { (id, key.qualifier, $0) } }
      }
    }.sorted { ($0.0.name, $0.1) < ($1.0.name, $1.1) }
  }

  /// What a change of a setting does to the revision id of what it stands beside.
  package enum SettingRevision: Sendable {
    case stays
    /// It is a visible transition; `expected` must be the current revision id, if given.
    case changes(expected: String?)
  }

  /// The function URL of that id, and whose it is; from memory.
  package func functionURL(_ urlID: String) -> (function: FunctionID, qualifier: String, url: FunctionURL)? {
    guard let holder = urls.withLock({ $0[urlID] }),
      let url = setting(FunctionURL.self, of: holder.function, qualifier: holder.qualifier), url.id == urlID
    else { return nil }
    return (holder.function, holder.qualifier, url)
  }

  func indexURLs(of id: FunctionID, _ entry: Entry) {
    for (key, setting) in entry.settings {
      guard let url = setting as? FunctionURL else { continue }
      urls.withLock { $0[url.id] = URLHolder(function: id, qualifier: key.qualifier) }
    }
  }

  /// Makes, changes or, by leaving `nil`, removes a setting.
  ///
  /// `change` runs once, on the catalog's queue: what it reads of the catalog is the newest, and it must not wait for anything. Throws
  /// ``CatalogError/missing`` if there is no such function, ``CatalogError/revisionMismatch``, and ``CatalogError/refused(_:)`` with what
  /// `change` threw.
  @discardableResult
  package func updateSetting<Setting: FunctionSetting>(
    _: Setting.Type, of id: FunctionID, qualifier: String = "", revision: SettingRevision = .stays,
    _ change: @escaping @Sendable (inout Setting?) throws(ServiceError) -> Void
  ) async throws(CatalogError) -> Setting? {
    let key = SettingKey(kind: Setting.kind, qualifier: qualifier)
    return try await self.change(id, "set the \(Setting.kind) of \(id.name)") { entry, database in
      if case .changes(let expected) = revision {
        try Catalog.changeRevision(of: id, qualifier: qualifier, expected: expected, in: &entry, database)
      }
      var setting = entry.settings[key] as? Setting
      do throws(ServiceError) { try change(&setting) } catch { throw CatalogError.refused(error) }
      entry.settings[key] = setting
      if let setting {
        try database.execute(
          sql: "INSERT OR REPLACE INTO functionSetting (account, region, function, qualifier, kind, document) VALUES (?, ?, ?, ?, ?, ?)",
          arguments: [id.owner.account, id.owner.region, id.name, qualifier, key.kind, Catalog.encoded(setting)])
      } else {
        try database.execute(
          sql: "DELETE FROM functionSetting WHERE account = ? AND region = ? AND function = ? AND qualifier = ? AND kind = ?",
          arguments: [id.owner.account, id.owner.region, id.name, qualifier, key.kind])
      }
      return setting
    }
  }

  private static func changeRevision(
    of id: FunctionID, qualifier: String, expected: String?, in entry: inout Entry, _ database: Database
  ) throws {
    func check(_ revision: String) throws { if let expected, expected != revision { throw CatalogError.revisionMismatch } }
    if var alias = entry.aliases[qualifier] {
      try check(alias.revisionID)
      alias.revisionID = makeRevision()
      try save(alias, of: id, in: &entry, database)
    } else if let number = Int(qualifier), var snapshot = entry.published[number] {
      try check(snapshot.configuration.revisionID)
      snapshot.configuration.revisionID = makeRevision()
      entry.published[number] = snapshot
      try save(snapshot, number, in: database)
    } else {
      try check(entry.latest.configuration.revisionID)
      entry.latest.configuration.revisionID = makeRevision()
      try save(entry, in: database)
    }
  }

  /// What stands beside a version or an alias goes with it.
  static func removeSettings(of id: FunctionID, qualifier: String, from entry: inout Entry, _ database: Database) throws {
    entry.settings = entry.settings.filter { $0.key.qualifier != qualifier }
    try database.execute(
      sql: "DELETE FROM functionSetting WHERE account = ? AND region = ? AND function = ? AND qualifier = ?",
      arguments: [id.owner.account, id.owner.region, id.name, qualifier])
  }

  static func loadSettings(_ database: Database, into loaded: inout [FunctionID: Entry]) throws {
    let types = Dictionary(uniqueKeysWithValues: settingTypes.map { ($0.kind, $0) })
    let rows = try Row.fetchCursor(database, sql: "SELECT account, region, function, qualifier, kind, document FROM functionSetting")
    while let row = try rows.next() {
      let kind: String = row["kind"]
      guard let type = types[kind] else { continue }
      let id = FunctionID(owner: Owner(account: row["account"], region: row["region"]), name: row["function"])
      loaded[id]?.settings[SettingKey(kind: kind, qualifier: row["qualifier"])] = try JSONDecoder().decode(type, from: row["document"])
    }
  }
}
