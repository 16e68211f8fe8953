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

/// Whether a loop of functions and the services between them is stopped.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>
package struct RecursiveLoop: FunctionSetting {
  package static var kind: String { "recursive-loop" }

  /// `Allow` rather than `Terminate`.
  package var isAllowed: Bool

  package init(isAllowed: Bool) { self.isAllowed = isAllowed }
}

/// When a function or version gets another version of its runtime.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html>
package struct RuntimeManagement: FunctionSetting {
  package static var kind: String { "runtime-management" }

  /// `Auto`, `FunctionUpdate` or `Manual`.
  package var updateRuntimeOn: String
  package var runtimeVersionARN: String?

  package init(updateRuntimeOn: String, runtimeVersionARN: String?) {
    self.updateRuntimeOn = updateRuntimeOn
    self.runtimeVersionARN = runtimeVersionARN
  }
}

/// What becomes of asynchronous invocations of a function, or of one qualifier of it.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_FunctionEventInvokeConfig.html>
package struct EventInvokeConfig: FunctionSetting {
  package static var kind: String { "event-invoke-config" }

  /// Retries after a function error, 0 to 2.
  package var maximumRetryAttempts: Int?
  /// Seconds that an event may wait in all, 60 to 21,600.
  package var maximumEventAge: Int?
  /// The ARN of where a record of a success goes.
  package var onSuccess: String?
  /// The ARN of where a record goes of an event that was given up.
  package var onFailure: String?
  /// Milliseconds since 1970.
  package var lastModified: Int64

  package init(
    maximumRetryAttempts: Int? = nil, maximumEventAge: Int? = nil, onSuccess: String? = nil, onFailure: String? = nil, lastModified: Int64
  ) {
    self.maximumRetryAttempts = maximumRetryAttempts
    self.maximumEventAge = maximumEventAge
    self.onSuccess = onSuccess
    self.onFailure = onFailure
    self.lastModified = lastModified
  }
}
