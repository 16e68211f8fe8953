package import FunctionModel

/// What can be written into the journal.
package enum JournalEntry: Sendable {
  case invocation(InvocationRecord)
  /// Written when an environment appears and again, under the same id, when more is known or it ends.
  case environment(EnvironmentRecord)
  case log(LogRecord)

  /// About how much memory it takes while it waits.
  var bytes: Int {
    switch self {
    case .invocation, .environment: 512
    case .log(let record): 256 + record.message.utf8.count
    }
  }

}

/// How long the journal remembers: a row goes when it is too old, when there are too many of its kind, or when all together take too much disk.
package struct JournalRetention: Sendable, Hashable {
  package var age: Duration
  package var invocations: Int
  package var environments: Int
  package var logs: Int
  /// What the file may hold; it is a little more by what a second brings.
  package var bytes: Int64

  package init(
    age: Duration = .seconds(7 * 24 * 3600), invocations: Int = 1_000_000, environments: Int = 200_000,
    logs: Int = 2_000_000, bytes: Int64 = 2_048 << 20
  ) {
    self.age = age
    self.invocations = invocations
    self.environments = environments
    self.logs = logs
    self.bytes = bytes
  }
}
