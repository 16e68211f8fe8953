import FoundationEssentials
import FunctionModel
import NIOCore
import NIOHTTP1

/// A call of the Extensions API, as far as its head tells.
enum ExtensionCall: Equatable {
  case register(name: String, acceptsAccountID: Bool)
  case next(identifier: String)
  case initError(identifier: String, type: String)
  case exitError(identifier: String, type: String)

  /// A list of events needs no more.
  static let bodyLimit = 16 << 10

  /// Bytes of the body that are kept.
  var bodyLimit: Int {
    switch self {
    case .register, .initError, .exitError: Self.bodyLimit
    case .next: 0
    }
  }
}

extension ExtensionCall {
  private static let nameLimit = 128
  private static let typeLimit = 128

  init(_ route: ExtensionRoute, _ headers: HTTPHeaders) throws(ExtensionError) {
    switch route {
    case .register:
      let name = headers.first(name: "Lambda-Extension-Name") ?? ""
      if name.isEmpty { throw ExtensionError(.emptyName) }
      if name.utf8.count > Self.nameLimit { throw ExtensionError(.nameTooLong) }
      self = .register(name: name, acceptsAccountID: Self.features(headers).contains("accountId"))
    case .next: self = .next(identifier: try Self.identifier(headers))
    case .initError: self = .initError(identifier: try Self.identifier(headers), type: try Self.errorType(headers))
    case .exitError: self = .exitError(identifier: try Self.identifier(headers), type: try Self.errorType(headers))
    }
  }

  private static func features(_ headers: HTTPHeaders) -> [Substring] {
    headers[canonicalForm: "Lambda-Extension-Accept-Feature"]
  }

  /// The identifier in the form in which it was given out.
  static func identifier(_ headers: HTTPHeaders) throws(ExtensionError) -> String {
    guard let text = headers.first(name: "Lambda-Extension-Identifier"), !text.isEmpty else { throw ExtensionError(.missingIdentifier) }
    guard InvocationNonce(parsing: text) != nil else { throw ExtensionError(.invalidIdentifier) }
    return text.lowercased()
  }

  private static func errorType(_ headers: HTTPHeaders) throws(ExtensionError) -> String {
    let name = "Lambda-Extension-Function-Error-Type"
    guard let type = headers.first(name: name), !type.isEmpty else { throw ExtensionError(.missingHeader(name)) }
    return String(type.prefix(typeLimit))
  }
}

/// A refusal, thrown.
struct ExtensionError: Error {
  var refusal: ExtensionRefusal

  init(_ refusal: ExtensionRefusal) {
    self.refusal = refusal
  }
}

/// Which call of the Extensions API a request line asks for.
enum ExtensionRoute: String {
  case register = "/2020-01-01/extension/register"
  case next = "/2020-01-01/extension/event/next"
  case initError = "/2020-01-01/extension/init/error"
  case exitError = "/2020-01-01/extension/exit/error"

  var method: HTTPMethod {
    switch self {
    case .next: .GET
    case .register, .initError, .exitError: .POST
    }
  }
}

/// The body of `POST /extension/register`.
private struct RegisterRequest: Decodable {
  var events: [String]?
  /// Replaced by environment variables before the API was public.
  var configurationKeys: [String]?
}

/// The Extensions API of one sandbox: joins its state machine, the connections that wait, and the delegate.
struct ExtensionSession: ~Copyable {
  let function: RegisteredFunction
  var machine: ExtensionStateMachine
  private var identifiers = IdentifierSource()

  init(_ function: RegisteredFunction) {
    self.function = function
    machine = ExtensionStateMachine(external: function.externalExtensions)
  }

  enum Answer: Equatable {
    case reply(RuntimeReply, ExtensionNotice?)
    case park(ExtensionNotice?)
  }

  mutating func answer(_ call: ExtensionCall, _ body: RequestBody, from connection: ConnectionID) -> Answer {
    switch call {
    case .register(let name, let acceptsAccountID): return register(name, acceptsAccountID: acceptsAccountID, body)
    case .next(let identifier): return next(identifier, connection)
    case .initError(let identifier, let type):
      return failed(machine.initError(identifier), errorType: "Extension.InitError", sent: type)
    case .exitError(let identifier, let type):
      return failed(machine.exitError(identifier), errorType: "Extension.ExitError", sent: type)
    }
  }

  /// An INVOKE for those who want it, each with an identifier of its own event.
  mutating func invoke(_ event: RuntimeEvent) -> [ExtensionStateMachine.Delivery] {
    machine.deliver(ExtensionEvent(event, identifier: identifiers.uuid()))
  }

  private mutating func register(_ name: String, acceptsAccountID: Bool, _ body: RequestBody) -> Answer {
    let events: [String]
    do throws(ExtensionError) {
      events = try Self.events(body)
    } catch {
      return .reply(error.refusal.reply, nil)
    }
    let identifier = identifiers.uuid()
    if let refusal = machine.register(name: name, events: events, identifier: identifier) { return .reply(refusal.reply, nil) }
    return .reply(function.registration(identifier, withAccountID: acceptsAccountID), .registered(name: name))
  }

  private static func events(_ body: RequestBody) throws(ExtensionError) -> [String] {
    if body.isTooLarge { throw ExtensionError(.invalidFormat("body of more than \(ExtensionCall.bodyLimit) bytes")) }
    // The decoder's own words name types of this program's and are of no use to the peer.
    guard let request = try? JSONDecoder().decode(RegisterRequest.self, from: Data(body.take().readableBytesView)) else {
      throw ExtensionError(.invalidFormat("body is not the JSON of a registration"))
    }
    guard request.configurationKeys?.isEmpty ?? true else {
      throw ExtensionError(.invalidFormat("configurationKeys are deprecated; use environment variables instead"))
    }
    return request.events ?? []
  }

  private mutating func next(_ identifier: String, _ connection: ConnectionID) -> Answer {
    switch machine.next(identifier, from: connection) {
    case .hand(let event): return .reply(event.reply, nil)
    case .park(let becameReady):
      return .park(becameReady ? machine.name(of: identifier).map { .ready(name: $0) } : nil)
    case .refuse(let refusal): return .reply(refusal.reply, nil)
    }
  }

  private func failed(_ step: ExtensionStateMachine.ErrorStep, errorType: String, sent: String) -> Answer {
    switch step {
    case .failed(let name): .reply(.accepted, .failed(name: name, errorType: errorType, sent: sent))
    case .repeated: .reply(.accepted, nil)
    case .refuse(let refusal): .reply(refusal.reply, nil)
    }
  }
}
