import NIOHTTP1

/// The states of an extension by the names that error replies give them.
enum ExtensionStateName: String, CaseIterable {
  case started = "Started"
  case registered = "Registered"
  case ready = "Ready"
  case running = "Running"
  case initError = "InitError"
  case exitError = "ExitError"
}

/// Why a call of an extension is not carried out. The answer is 403 in every case.
enum ExtensionRefusal: Equatable {
  case emptyName
  case nameTooLong
  case nameTaken
  case missingIdentifier
  case invalidIdentifier
  case unknownIdentifier(String)
  case transition(from: ExtensionStateName, to: ExtensionStateName, name: String)
  case unknownEvent(String)
  /// An internal extension goes down with the runtime and is not told before.
  case internalShutdown
  case missingHeader(String)
  case registrationClosed
  case tooMany
  case invalidFormat(String)

  var reply: RuntimeReply {
    RuntimeReply.error(.forbidden, type, quoting: message)
  }

  private var type: String {
    switch self {
    case .emptyName, .nameTooLong: "Extension.InvalidExtensionName"
    case .missingIdentifier: "Extension.MissingExtensionIdentifier"
    case .invalidIdentifier: "Extension.InvalidExtensionIdentifier"
    case .unknownIdentifier: "Extension.UnknownExtensionIdentifier"
    case .nameTaken, .transition: "Extension.InvalidExtensionState"
    case .unknownEvent, .internalShutdown: "Extension.InvalidEventType"
    case .missingHeader: "Extension.MissingHeader"
    case .registrationClosed: "Extension.RegistrationClosed"
    case .tooMany: "Extension.TooManyExtensions"
    case .invalidFormat: "InvalidRequestFormat"
    }
  }

  private var message: String {
    switch self {
    case .emptyName: "Empty extension name"
    case .nameTooLong: "Extension name is too long"
    case .nameTaken: "Extension with this name already registered"
    case .missingIdentifier: "Missing Lambda-Extension-Identifier header"
    case .invalidIdentifier: "Invalid Lambda-Extension-Identifier"
    case .unknownIdentifier(let identifier): "Unknown extension \(identifier)"
    case .transition(let from, let to, let name):
      "State transition from \(from.rawValue) to \(to.rawValue) failed for extension \(name). Error: State transition is not allowed"
    case .unknownEvent(let event): "\(event.prefix(128)): unknown event"
    case .internalShutdown: "SHUTDOWN: event is not supported for internal extensions"
    case .missingHeader(let name): "\(name) not found"
    case .registrationClosed: "Extension registration closed already"
    case .tooMany: "Extension limit (\(ExtensionStateMachine.limit)) reached"
    case .invalidFormat(let reason): reason
    }
  }
}
