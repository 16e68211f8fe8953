import FunctionModel
import GRDB

/// Deletes rows that are too old or too many, a slice at a time, so that no write waits long behind it.
///
/// Each table is taken from its smallest row id upwards; a slice looks at the first ``slice`` rows and deletes those that are out of
/// bounds. Row ids are given in order of arrival, so those are at the front (an environment that still lives is skipped over).
///
/// When all together take too much disk, the function with the longest log loses the oldest of it: who floods forgets his own past first.
struct JournalRetentionPass {
  static let slice: Int64 = 2_000
  /// What an invocation's row takes with its four indexes.
  private static let invocationBytes: Int64 = 512

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
    let isTooLarge = try deleteSurplus(database)
    isUnfinished = isTooLarge || deleted.contains { $0 >= Int(JournalRetentionPass.slice / 2) }
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

  // MARK: By bytes

  /// Deletes a slice of what the file holds too much. Returns whether it did: then there may be more.
  private func deleteSurplus(_ database: Database) throws -> Bool {
    let surplus = try JournalRetentionPass.bytesInUse(database) - policy.bytes
    guard surplus > 0 else { return false }
    let rows = try Int64.fetchOne(database, sql: "SELECT max(id) - min(id) + 1 FROM invocation") ?? 0
    let logs = try Int64.fetchOne(database, sql: "SELECT sum(logBytes) FROM function") ?? 0
    if rows * JournalRetentionPass.invocationBytes > logs {
      let count = min(JournalRetentionPass.slice, surplus / JournalRetentionPass.invocationBytes + 1)
      try database.execute(literal: "DELETE FROM invocation WHERE id < (SELECT min(id) FROM invocation) + \(count)")
    } else if let function = try Int64.fetchOne(database, sql: "SELECT id FROM function WHERE logBytes > 0 ORDER BY logBytes DESC LIMIT 1")
    {
      try deleteOldestLines(of: function, surplus, database)
    } else {
      return false
    }
    return database.changesCount > 0
  }

  /// As many as make up for `surplus` bytes, and no more than a slice.
  private func deleteOldestLines(of function: Int64, _ surplus: Int64, _ database: Database) throws {
    let sizes = try Row.fetchCursor(
      database,
      sql: """
        SELECT id, \(JournalSchema.logRowBytes("log")) AS bytes FROM log WHERE functionID = ? ORDER BY id LIMIT \(JournalRetentionPass.slice)
        """, arguments: [function])
    var last: Int64 = 0
    var found: Int64 = 0
    while found < surplus, let row = try sizes.next() {
      last = row["id"]
      found += row["bytes"]
    }
    try database.execute(literal: "DELETE FROM log WHERE functionID = \(function) AND id <= \(last)")
  }

  /// Pages that hold something; what is deleted leaves free ones, which are used again.
  static func bytesInUse(_ database: Database) throws -> Int64 {
    let pages = try ["page_count", "freelist_count", "page_size"].map { try Int64.fetchOne(database, sql: "PRAGMA \($0)") ?? 0 }
    return (pages[0] - pages[1]) * pages[2]
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
