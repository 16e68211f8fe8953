import NIOHTTP1

/// What a request line asks for.
enum RuntimeRoute: Equatable {
  case next
  case response(requestID: Substring)
  case error(requestID: Substring)
  case initError
  case ping
  case extensions(ExtensionRoute)
  case subscription(TelemetryDialect)
  case metadata
  case wrongMethod(allowed: String)
  case unknown

  private static let prefix = "/2018-06-01"
  private static let nextPath = prefix + "/runtime/invocation/next"
  private static let initErrorPath = prefix + "/runtime/init/error"
  private static let pingPath = prefix + "/ping"
  private static let invocationPrefix = prefix + "/runtime/invocation/"
  private static let responseSuffix = "/response"
  private static let errorSuffix = "/error"

  init(_ method: HTTPMethod, uri: String) {
    let path = uri.utf8.firstIndex(of: UInt8(ascii: "?")).map { uri[..<$0] } ?? uri[...]
    if path == Self.nextPath {
      self = method == .GET ? .next : .wrongMethod(allowed: "GET")
    } else if path.hasPrefix(Self.invocationPrefix) {
      self = Self.answer(method, path.dropFirst(Self.invocationPrefix.count))
    } else if path == Self.initErrorPath {
      self = method == .POST ? .initError : .wrongMethod(allowed: "POST")
    } else if path == Self.pingPath {
      self = method == .GET ? .ping : .wrongMethod(allowed: "GET")
    } else if let route = ExtensionRoute(rawValue: String(path)) {
      self = method == route.method ? .extensions(route) : .wrongMethod(allowed: route.method.rawValue)
    } else if path == EnvironmentMetadata.path {
      self = method == .GET ? .metadata : .wrongMethod(allowed: "GET")
    } else if path == TelemetryDialect.telemetryPath {
      self = method == .PUT ? .subscription(.telemetry) : .wrongMethod(allowed: "PUT")
    } else if path == TelemetryDialect.logsPath {
      self = method == .PUT ? .subscription(.logs) : .wrongMethod(allowed: "PUT")
    } else {
      self = .unknown
    }
  }

  private static func answer(_ method: HTTPMethod, _ rest: Substring) -> RuntimeRoute {
    let isResponse = rest.hasSuffix(responseSuffix)
    guard isResponse || rest.hasSuffix(errorSuffix) else { return .unknown }
    let requestID = rest.dropLast(isResponse ? responseSuffix.count : errorSuffix.count)
    guard !requestID.utf8.contains(UInt8(ascii: "/")) else { return .unknown }
    guard method == .POST else { return .wrongMethod(allowed: "POST") }
    return isResponse ? .response(requestID: requestID) : .error(requestID: requestID)
  }
}
