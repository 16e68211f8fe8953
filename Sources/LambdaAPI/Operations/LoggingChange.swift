internal import FunctionModel

/// What a body's `LoggingConfig` changes. Members that it leaves out stay as they are, but for levels when it names JSON anew: those begin at `INFO`.
struct LoggingChange: Sendable {
  private var format: String?
  private var application: LogLevel?
  private var system: LogLevel?
  private var group: String?

  init(_ config: JSONValue? = nil) {
    format = config?["LogFormat"]?.string
    application = (config?["ApplicationLogLevel"]?.string).flatMap(LogLevel.init(rawValue:))
    system = (config?["SystemLogLevel"]?.string).flatMap(LogLevel.init(rawValue:))
    group = config?["LogGroup"]?.string
  }

  func apply(to function: inout FunctionConfiguration) throws(ServiceError) {
    function.logFormat = try changed(function.logFormat)
    if let group { function.logGroup = group }
  }

  private func changed(_ old: LogFormat) throws(ServiceError) -> LogFormat {
    let base: LogFormat =
      switch format {
      case nil: old
      case "JSON"?: .defaultJSON
      case _?: .text
      }
    switch base {
    case .json(let oldApplication, let oldSystem):
      return .json(application: application ?? oldApplication, system: system ?? oldSystem)
    case .text:
      guard application == nil, system == nil else {
        throw .invalidParameterValue(
          "LogLevel is not supported when LogFormat is set to \"Text\". Remove LogLevel from your request or change the LogFormat to "
            + "\"Json\" and try again.")
      }
      return .text
    }
  }
}
