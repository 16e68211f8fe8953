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

  var isLog: Bool {
    if case .log = self { true } else { false }
  }
}

/// How long the journal remembers: a row goes when it is too old or when there are too many of its kind.
package struct JournalRetention: Sendable, Hashable {
  package var age: Duration
  package var invocations: Int
  package var environments: Int
  package var logs: Int

  package init(
    age: Duration = .seconds(7 * 24 * 3600), invocations: Int = 1_000_000, environments: Int = 200_000,
    logs: Int = 2_000_000
  ) {
    self.age = age
    self.invocations = invocations
    self.environments = environments
    self.logs = logs
  }
}
