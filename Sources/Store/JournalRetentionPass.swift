import FunctionModel
import GRDB

/// Deletes rows that are too old or too many, a slice at a time, so that no write waits long behind it.
///
/// Each table is taken from its smallest row id upwards; a slice looks at the first ``slice`` rows and deletes those that are out of
/// bounds. Row ids are given in order of arrival, so those are at the front (an environment that still lives is skipped over).
struct JournalRetentionPass {
  static let slice: Int64 = 2_000

  let policy: JournalRetention
  /// The last slice found as much as it was allowed to: there may be more.
  private(set) var isUnfinished = false

  init(policy: JournalRetention) {
    self.policy = policy
  }

  /// Deletes one slice of each table. `now` in milliseconds since 1970. Returns whether functions without rows were forgotten.
  mutating func deleteSlice(_ database: Database, now: Int64) throws -> Bool {
    let age = min(policy.age, .seconds(1 << 40))  // whoever keeps rows for ever may say so by a large number
    let cutoff = now - age.components.seconds * 1000
    let deleted = [
      try trim("invocation", keeping: policy.invocations, old: "accepted < \(cutoff)", database),
      try trim("environment", keeping: policy.environments, old: "ended < \(cutoff)", database),
      try trim("log", keeping: policy.logs, old: "timestamp < \(cutoff * 1000)", database),
    ]
    isUnfinished = deleted.contains { $0 >= Int(JournalRetentionPass.slice / 2) }
    guard !isUnfinished, deleted.contains(where: { $0 > 0 }) else { return false }
    return try forgetFunctions(database)
  }

  private func trim(_ table: String, keeping count: Int, old: String, _ database: Database) throws -> Int {
    let bounds = try Row.fetchOne(database, sql: "SELECT (SELECT min(id) FROM \(table)) first, (SELECT max(id) FROM \(table)) last")
    guard let first: Int64 = bounds?["first"], let last: Int64 = bounds?["last"] else { return 0 }
    try database.cachedStatement(
      sql: "DELETE FROM \(table) WHERE id < :end AND (id <= :surplus OR \(old))"
    ).execute(arguments: ["end": first + JournalRetentionPass.slice, "surplus": last - Int64(count)])
    return database.changesCount
  }

  private func forgetFunctions(_ database: Database) throws -> Bool {
    try database.execute(
      sql: """
        DELETE FROM function WHERE NOT EXISTS (SELECT 1 FROM invocation WHERE functionID = function.id)
          AND NOT EXISTS (SELECT 1 FROM environment WHERE functionID = function.id)
          AND NOT EXISTS (SELECT 1 FROM log WHERE functionID = function.id)
        """)
    return database.changesCount > 0
  }
}
