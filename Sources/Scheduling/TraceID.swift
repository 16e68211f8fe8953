import Environments

/// `X-Amzn-Trace-Id` for requests that come without one.
package enum TraceID {
  /// `Root=1-<8 hex of the time>-<24 hex>;Parent=<16 hex>;Sampled=0`
  package static func new() -> String {
    let random = Identifier.uuid().filter { $0 != "-" }
    let time = String(WallClock.milliseconds() / 1_000, radix: 16)
    return "Root=1-\(time)-\(random.prefix(24));Parent=\(random.suffix(8))\(random.prefix(8));Sampled=0"
  }
}
