/// Some log lines of one function, oldest first, and where to go on reading. Answer of `GET /admin/logs`.
package struct LogPage: Sendable, Hashable, Codable {
  package var records: [LogRecord]
  /// Hand it back as `after` to read what came later; it stays valid when `records` is empty.
  package var cursor: Int64

  package init(records: [LogRecord], cursor: Int64) {
    self.records = records
    self.cursor = cursor
  }
}
