package import FunctionModel
import FoundationEssentials
import GRDB

extension Catalog {
  /// Publishes the next version of a layer: one more than the highest number ever given, deleted versions included.
  ///
  /// `make` gets the number and runs on the catalog's queue.
  package func publish(
    layer id: LayerID, _ make: @escaping @Sendable (Int) -> LayerVersion
  ) async throws(CatalogError) -> LayerVersion {
    try await write("publish layer \(id.name)") { database in
      let number = try Catalog.nextNumber(of: id, in: database)
      let version = make(number)
      precondition(version.id == id && version.version == number, "the layer version carries the identity it was given")
      try database.execute(
        sql: "INSERT INTO layerVersion (account, region, name, version, digest, document) VALUES (?, ?, ?, ?, ?, ?)",
        arguments: id.columns + [number, version.code.digest.hexadecimal, Catalog.encoded(version)])
      return version
    }
  }

  private static func nextNumber(of id: LayerID, in database: Database) throws -> Int {
    let sql = """
      INSERT INTO layerNumber (account, region, name, last) VALUES (?, ?, ?, 1)
      ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last
      """
    guard let number = try Int.fetchOne(database, sql: sql, arguments: id.columns) else {
      preconditionFailure("an upsert returns its row")
    }
    return number
  }

  /// One version of a layer; `nil` if it never was or is deleted.
  package func layerVersion(_ id: LayerID, _ version: Int) async throws(CatalogError) -> LayerVersion? {
    try await layerVersions(
      where: "account = ? AND region = ? AND name = ? AND version = ?", arguments: id.columns + [version]
    ).first
  }

  /// All versions of a layer, newest first.
  package func layerVersions(_ id: LayerID) async throws(CatalogError) -> [LayerVersion] {
    try await layerVersions(
      where: "account = ? AND region = ? AND name = ? ORDER BY version DESC", arguments: id.columns)
  }

  /// The newest version of each layer of an owner, by name.
  package func layers(of owner: Owner) async throws(CatalogError) -> [LayerVersion] {
    try await layerVersions(
      where: """
        account = ? AND region = ? AND version =
          (SELECT max(version) FROM layerVersion newest WHERE (newest.account, newest.region, newest.name)
            = (layerVersion.account, layerVersion.region, layerVersion.name))
        ORDER BY name
        """,
      arguments: [owner.account, owner.region])
  }

  /// Deletes a version; its number is not given again. No error if there is none. Functions that use it keep its artefact.
  package func deleteLayerVersion(_ id: LayerID, _ version: Int) async throws(CatalogError) {
    try await write("delete layer version \(id.name):\(version)") { database in
      try database.execute(
        sql: "DELETE FROM layerVersion WHERE account = ? AND region = ? AND name = ? AND version = ?",
        arguments: id.columns + [version])
    }
  }

  private func layerVersions(
    where condition: String, arguments: StatementArguments
  ) async throws(CatalogError) -> [LayerVersion] {
    try await read("read layer versions") { database in
      try Data.fetchAll(database, sql: "SELECT document FROM layerVersion WHERE \(condition)", arguments: arguments)
        .map { try JSONDecoder().decode(LayerVersion.self, from: $0) }
    }
  }
}

extension LayerID {
  fileprivate var columns: StatementArguments { [owner.account, owner.region, name] }
}
