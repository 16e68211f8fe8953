import FunctionModel
import Logging
package import NIOCore
import Synchronization

// The execution role's credentials: variables of the runtime, and so good for as long as its sandbox.
extension ExecutionEnvironment {
  /// Whether an invocation should no longer begin here, since the credentials of its runtime end before it might.
  package nonisolated func isExpiring(at time: NIODeadline) -> Bool { UInt64(time.uptimeNanoseconds) >= expiry.load(ordering: .relaxed) }

  /// What the runtime is to be started with. That it cannot be got is in the log, too.
  func fetchCredentials() async throws(RoleCredentialFault) -> FunctionCredentials? {
    do {
      return try await host.credentials.credentials(role: version.role, function: version.function.name)
    } catch {
      logFault("NO_CREDENTIALS: \(error)")
      throw error
    }
  }

  /// An invocation is to begin only if the function's timeout fits in before the end; of a session that is short, half is used.
  func willExpire(with credentials: FunctionCredentials?) {
    expiration?.cancel()
    expiration = nil
    guard let end = credentials?.expires else { return expiry.store(.max, ordering: .relaxed) }
    let left = TimeAmount.milliseconds(max(0, end - WallClock.milliseconds()))
    let margin = min(max(.seconds(60), TimeAmount(version.timeout)), .nanoseconds(left.nanoseconds / 2))
    let deadline = NIODeadline.now() + left - margin
    expiry.store(deadline.uptimeNanoseconds, ordering: .relaxed)
    expiration = eventLoop.scheduleTask(deadline: deadline) { [weak self] in
      self?.assumeIsolated { $0.delegate.environmentIsExpiring($0) }
    }
  }
}
