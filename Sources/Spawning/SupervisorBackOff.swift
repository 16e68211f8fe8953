/// How long to wait before a supervisor that ended is started again: 0, 1, 2, 4 … 30 s, from the start after a minute of health.
package struct SupervisorBackOff: Sendable {
  private static let healthy = Duration.seconds(60)
  private static let longest = Duration.seconds(30)

  private var next = Duration.zero

  package init() {}

  /// - Parameter life: how long the one that ended had run.
  package mutating func delay(afterLife life: Duration) -> Duration {
    if life >= Self.healthy { next = .zero }
    defer { next = min(Self.longest, max(.seconds(1), next * 2)) }
    return next
  }
}
