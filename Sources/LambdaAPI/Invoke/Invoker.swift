package import FunctionModel
package import NIOCore
package import Scheduling

/// What the API needs of the scheduler; the supervisor hands in its dispatcher.
package protocol Invoker: Sendable {
  /// Calls `completion` exactly once, on `eventLoop`.
  func invoke(_ request: InvocationRequest, on eventLoop: any EventLoop, completion: @escaping @Sendable (InvocationResult) -> Void)
  /// Returns when the event is durable; it will run at least once.
  func accept(_ event: QueuedEvent) async throws(ServiceError)
  /// Code or configuration changed, or the function was deleted: environments of other revisions are to retire.
  func functionChanged(_ id: FunctionID)
}
