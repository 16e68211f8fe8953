import FoundationEssentials
import FunctionModel
import NIOHTTP1

/// Which of the two APIs a subscriber uses, and so what its records look like.
enum TelemetryDialect: Equatable {
  case telemetry
  /// The Telemetry API's predecessor.
  case logs

  static let telemetryPath = "/2022-07-01/telemetry"
  static let logsPath = "/2020-08-15/logs"

  fileprivate var schemas: [String] {
    switch self {
    case .telemetry: ["2022-07-01", "2022-12-13", "2025-01-29"]
    case .logs: ["2020-08-15", "2021-03-18"]
    }
  }

  var validationErrorType: String {
    switch self {
    case .telemetry: "ValidationError"
    case .logs: "Logs.ValidationError"
    }
  }

  var closed: RuntimeReply {
    switch self {
    case .telemetry: .error(.forbidden, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed already")
    case .logs: .error(.forbidden, "Logs.SubscriptionClosed", "Logs API subscription is closed already")
    }
  }
}

/// What one extension wants to be sent, where, and in which portions.
struct TelemetrySubscription: Equatable {
  enum Destination: Equatable {
    /// A POST for each portion.
    case http(port: Int, path: String)
    /// One record a line.
    case tcp(port: Int)

    var port: Int {
      switch self {
      case .http(let port, _), .tcp(let port): port
      }
    }
  }

  /// When the records that wait are sent: as soon as one of the bounds is reached.
  struct Buffering: Equatable {
    var items = 10_000
    var bytes = 262_144
    var milliseconds: Int64 = 1_000

    static let itemBounds = 1_000...10_000
    static let byteBounds = 262_144...1_048_576
    static let millisecondBounds: ClosedRange<Int64> = 25...30_000
  }

  var dialect: TelemetryDialect
  var schema: String
  var types: [TelemetryRecord.Category]
  var destination: Destination
  var buffering = Buffering()

  /// Whether a record is for this subscriber.
  func wants(_ record: TelemetryRecord) -> Bool {
    guard types.contains(record.category) else { return false }
    switch record.event {
    case .function, .extensionOutput, .start, .report, .extension, .logsDropped: return true
    case .runtimeDone: return dialect == .telemetry || schema != "2020-08-15"
    case .end, .fault, .logsSubscription: return dialect == .logs
    case .initStart, .initRuntimeDone, .initReport, .restoreStart, .restoreRuntimeDone, .restoreReport, .telemetrySubscription:
      return dialect == .telemetry
    }
  }

  /// The record as this subscriber's schema has it: before 2022-12-13 what programs write is always a string.
  func encode(_ record: TelemetryRecord) -> [UInt8] {
    var record = record
    if dialect == .logs || schema == "2022-07-01" {
      switch record.event {
      case .function(.json(let text)): record.event = .function(.text(text))
      case .extensionOutput(.json(let text)): record.event = .extensionOutput(.text(text))
      default: break  // The other records are objects in every schema.
      }
    }
    var bytes: [UInt8] = []
    record.encode(into: &bytes)
    return bytes
  }
}

/// Why a subscription is not one.
struct SubscriptionFault: Error, Equatable {
  var reason: String

  init(_ reason: String) {
    self.reason = reason
  }
}

extension TelemetrySubscription {
  static let bodyLimit = 16 << 10

  private struct Request: Decodable {
    struct Destination: Decodable {
      var `protocol`: String?
      var URI: String?
      var port: Int?
    }

    struct Buffering: Decodable {
      var maxItems: Int?
      var maxBytes: Int?
      var timeoutMs: Int64?
    }

    var schemaVersion: String?
    var types: [String]?
    var destination: Destination?
    var buffering: Buffering?
  }

  init(_ dialect: TelemetryDialect, body: Data) throws(SubscriptionFault) {
    guard let request = try? JSONDecoder().decode(Request.self, from: body) else {
      throw SubscriptionFault("body is not the JSON of a subscription")
    }
    let schema = request.schemaVersion ?? dialect.schemas[0]
    guard dialect.schemas.contains(schema) else { throw SubscriptionFault("schemaVersion must be one of \(dialect.schemas)") }
    self.dialect = dialect
    self.schema = schema
    types = try Self.types(request.types)
    guard let destination = request.destination else { throw SubscriptionFault("destination is missing") }
    self.destination = try Self.destination(destination)
    if let wish = request.buffering {
      buffering.items = try Self.bounded(wish.maxItems, "maxItems", Buffering.itemBounds) ?? buffering.items
      buffering.bytes = try Self.bounded(wish.maxBytes, "maxBytes", Buffering.byteBounds) ?? buffering.bytes
      buffering.milliseconds = try Self.bounded(wish.timeoutMs, "timeoutMs", Buffering.millisecondBounds) ?? buffering.milliseconds
    }
  }

  private static func types(_ names: [String]?) throws(SubscriptionFault) -> [TelemetryRecord.Category] {
    guard let names, !names.isEmpty else { throw SubscriptionFault("types is missing") }
    var types: [TelemetryRecord.Category] = []
    for name in names {
      guard let type = TelemetryRecord.Category(rawValue: name) else {
        throw SubscriptionFault("types may contain platform, function and extension")
      }
      if !types.contains(type) { types.append(type) }
    }
    return types
  }

  private static func bounded<Number: Comparable>(
    _ value: Number?, _ name: String, _ bounds: ClosedRange<Number>
  ) throws(SubscriptionFault) -> Number? {
    guard let value else { return nil }
    guard bounds.contains(value) else {
      throw SubscriptionFault("buffering.\(name) must be between \(bounds.lowerBound) and \(bounds.upperBound)")
    }
    return value
  }

  private static func destination(_ wish: Request.Destination) throws(SubscriptionFault) -> Destination {
    switch wish.protocol {
    case "HTTP":
      guard let uri = wish.URI, let destination = http(uri) else {
        throw SubscriptionFault("destination.URI must be http://sandbox.localdomain:PORT/path")
      }
      return destination
    case "TCP":
      guard let port = wish.port, isUsable(port) else {
        throw SubscriptionFault("destination.port must be between 1 and 65535, and not 9001")
      }
      return .tcp(port: port)
    default: throw SubscriptionFault("destination.protocol must be HTTP or TCP")
    }
  }

  /// The sandbox's own address by its two names, with an optional port and path; nothing else can be reached.
  private static func http(_ uri: String) -> Destination? {
    let scheme = "http://"
    guard uri.utf8.count <= 2_048, uri.hasPrefix(scheme) else { return nil }
    let rest = uri.dropFirst(scheme.count)
    let authority = rest.prefix { $0 != "/" }
    let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count <= 2, parts[0] == "sandbox.localdomain" || parts[0] == "sandbox" else { return nil }
    guard let port = parts.count == 1 ? 80 : Int(parts[1]), isUsable(port) else { return nil }
    let path = String(rest.dropFirst(authority.count))
    // Printable ASCII only: the path goes into a request line.
    guard path.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
    return .http(port: port, path: path.isEmpty ? "/" : path)
  }

  /// 9001 is this server's.
  private static func isUsable(_ port: Int) -> Bool {
    (1...65_535).contains(port) && port != 9_001
  }
}
