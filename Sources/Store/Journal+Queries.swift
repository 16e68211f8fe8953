package import FunctionModel
import GRDB

extension Journal {
  /// Invocations of one function or of all, the one accepted last first.
  ///
  /// - Parameter before: only those accepted before this time, in milliseconds since 1970: the `accepted` of a page's last record asks
  ///   for the page after it.
  package func invocations(function: FunctionID?, limit: Int, before: Int64?) async throws(StoreError) -> [InvocationRecord] {
    let condition: SQL = "\(sql(of: function)) AND accepted < \(before ?? .max) ORDER BY accepted DESC, invocation.id DESC LIMIT \(limit)"
    return try await rows("list invocations", of: "invocation", where: condition) { try InvocationRecord(row: $0) }
  }

  /// The invocation with this request id; of several (a repeated asynchronous event) the last.
  package func invocation(requestID: String) async throws(StoreError) -> InvocationRecord? {
    try await rows("find invocation", of: "invocation", where: "requestID = \(requestID) ORDER BY invocation.id DESC LIMIT 1") {
      try InvocationRecord(row: $0)
    }.first
  }

  /// The invocations that an environment served, newest first.
  package func invocations(environment id: String, limit: Int) async throws(StoreError) -> [InvocationRecord] {
    let condition: SQL = "environmentID = \(id) ORDER BY invocation.id DESC LIMIT \(limit)"
    return try await rows("list invocations", of: "invocation", where: condition) { try InvocationRecord(row: $0) }
  }

  package func environment(id: String) async throws(StoreError) -> EnvironmentRecord? {
    try await rows("find environment", of: "environment", where: "environmentID = \(id)") { EnvironmentRecord(row: $0) }.first
  }

  /// Environments of one function or of all, the one started last first.
  package func environments(function: FunctionID?, limit: Int) async throws(StoreError) -> [EnvironmentRecord] {
    let condition: SQL = "\(sql(of: function)) ORDER BY started DESC, environment.id DESC LIMIT \(limit)"
    return try await rows("list environments", of: "environment", where: condition) { EnvironmentRecord(row: $0) }
  }

  /// At most `limit` lines of a function's log in the order they arrived: those after `cursor`, or the last ones if it is `nil`.
  ///
  /// Following a log is asking again with the page's cursor; a page without records keeps it.
  package func logs(function: FunctionID, after cursor: Int64?, limit: Int) async throws(StoreError) -> LogPage {
    await flush()
    return try await query("read log") { database in
      guard let id = try Journal.functionID(function, database) else { return LogPage(records: [], cursor: cursor ?? 0) }
      let order: SQL = cursor == nil ? "DESC" : "ASC"
      let request: SQLRequest<Row> = """
        SELECT log.*, function.account, function.region, function.name FROM log JOIN function ON function.id = functionID
        WHERE functionID = \(id) AND log.id > \(cursor ?? 0) ORDER BY log.id \(order) LIMIT \(limit)
        """
      var rows = try request.fetchAll(database)
      if cursor == nil { rows.reverse() }
      return LogPage(records: try rows.map { try LogRecord(row: $0) }, cursor: rows.last?["id"] ?? cursor ?? 0)
    }
  }

  /// Marks environments without an end as ended now, `interrupted`: at start, after a crash.
  package func closeInterruptedEnvironments() async throws(StoreError) {
    await flush()
    do {
      try await pool.write { database in
        try database.execute(
          literal: "UPDATE environment SET ended = \(currentMilliseconds()), endReason = 'interrupted' WHERE ended IS NULL")
      }
    } catch {
      throw DatabaseFile.wording(error, operation: "close interrupted environments", path: path)
    }
  }

  private static func functionID(_ function: FunctionID, _ database: Database) throws -> Int64? {
    let request: SQLRequest<Int64> = """
      SELECT id FROM function
      WHERE account = \(function.owner.account) AND region = \(function.owner.region) AND name = \(function.name)
      """
    return try request.fetchOne(database)
  }

  private func sql(of function: FunctionID?) -> SQL {
    guard let function else { return "true" }
    return """
      functionID = (SELECT id FROM function
        WHERE account = \(function.owner.account) AND region = \(function.owner.region) AND name = \(function.name))
      """
  }

  /// Reads what was appended before as well: a query first lets the queue be written.
  private func rows<Record: Sendable>(
    _ operation: String, of table: String, where condition: SQL, _ record: @escaping @Sendable (Row) throws -> Record
  ) async throws(StoreError) -> [Record] {
    await flush()
    return try await query(operation) { database in
      let request: SQLRequest<Row> = """
        SELECT \(sql: table).*, function.account, function.region, function.name
        FROM \(sql: table) JOIN function ON function.id = functionID WHERE \(condition)
        """
      return try request.fetchAll(database).map(record)
    }
  }

  private func query<Value: Sendable>(
    _ operation: String, _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws(StoreError) -> Value {
    do { return try await pool.read(body) } catch { throw DatabaseFile.wording(error, operation: operation, path: path) }
  }
}
