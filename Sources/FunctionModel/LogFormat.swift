/// `LoggingConfig` without its group: how a function's log is written, and what of it is kept.
///
/// Levels exist with JSON only.
package enum LogFormat: Sendable, Hashable, Codable {
  case text
  /// What is below a level is dropped: of the function's own records, and of the platform's.
  case json(application: LogLevel, system: LogLevel)

  /// JSON as it is when no level is named.
  package static let defaultJSON = LogFormat.json(application: .info, system: .info)

  /// `Text` or `JSON`
  package var name: String {
    switch self {
    case .text: "Text"
    case .json: "JSON"
    }
  }
}

/// How much a record matters, least first.
package enum LogLevel: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
  case trace = "TRACE"
  case debug = "DEBUG"
  case info = "INFO"
  case warn = "WARN"
  case error = "ERROR"
  case fatal = "FATAL"

  /// 1 is `TRACE`, as in the type of a frame on the log channel, where 0 is none.
  package var rank: Int {
    switch self {
    case .trace: 1
    case .debug: 2
    case .info: 3
    case .warn: 4
    case .error: 5
    case .fatal: 6
    }
  }

  /// Those of `SystemLogLevel`.
  package static let ofSystem: [LogLevel] = [.debug, .info, .warn]

  package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }

  /// From the name that a function's own record gives, in any case; `WARNING` and `CRITICAL` are Python's.
  package init?(named name: String) {
    switch name.uppercased() {
    case "WARNING": self = .warn
    case "CRITICAL": self = .fatal
    case let name: self.init(rawValue: name)
    }
  }
}
