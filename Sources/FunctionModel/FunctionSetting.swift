/// A setting that AWS keeps beside a function's versions: it is made, shown and removed by operations of its own, and takes effect at once.
///
/// The catalog stores it as a document under ``kind``, for the function or for one qualifier of it. A change of the documents is a migration.
package protocol FunctionSetting: Sendable, Hashable, Codable {
  /// Names the setting in the catalog; never changed.
  static var kind: String { get }
}

/// `ReservedConcurrentExecutions`: a cap of the function's invocations at once, and so many that no other function can take.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>
package struct ReservedConcurrency: FunctionSetting {
  package static var kind: String { "reserved-concurrency" }

  package var executions: Int

  package init(executions: Int) { self.executions = executions }
}
