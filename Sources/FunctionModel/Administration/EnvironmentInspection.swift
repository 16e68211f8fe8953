/// What `roost inspect` shows of one execution environment: what runs now, what the journal kept, and what it served.
///
/// Answer of `GET /admin/environments/{id}`.
package struct EnvironmentInspection: Sendable, Hashable, Codable {
  /// `nil` once it has ended.
  package var status: EnvironmentStatus?
  /// `nil` until its first record is written, at most 50 ms after it appeared.
  package var record: EnvironmentRecord?
  /// The latest it served, newest first.
  package var invocations: [InvocationRecord]

  package init(status: EnvironmentStatus?, record: EnvironmentRecord?, invocations: [InvocationRecord]) {
    self.status = status
    self.record = record
    self.invocations = invocations
  }
}
