import NIOCore

/// Where each extension of one sandbox stands in its life, as the Extensions API defines it.
///
/// As with the runtime, state belongs to the sandbox: an extension may use a new connection for every call. An event that was written to a connection
/// whose peer did not read it is given to whoever asks next.
struct ExtensionStateMachine: ~Copyable {
  /// External and internal ones together.
  static let limit = 10

  fileprivate enum State {
    /// External, and its program has not registered yet.
    case started
    /// It has not asked for an event yet.
    case registered
    /// Asked for its next event; nobody waits if the connection that did so is gone.
    case ready(waiter: ConnectionID?)
    /// `holder` is the connection that the event was written to.
    case running(ExtensionEvent, holder: ConnectionID)
    case initError
    case exitError
  }

  fileprivate struct Member {
    var name: String
    var isExternal: Bool
    var identifier: String?
    var events: [ExtensionEvent.Kind] = []
    var state: State
    /// To be handed over as soon as it asks.
    var due: ExtensionEvent?
  }

  private var members: [Member]
  private var isRegistrationClosed = false

  /// - Parameter external: base names of the programs that will be started.
  init(external: [String]) {
    members = external.map { Member(name: $0, isExternal: true, state: .started) }
  }

  var isEmpty: Bool { members.isEmpty }

  /// All of them, in the order in which they became known.
  var statuses: [ExtensionStatus] {
    members.map { member in
      ExtensionStatus(
        name: member.name, isExternal: member.isExternal, isRegistered: member.identifier != nil, isBusy: !member.isIdle,
        events: member.events)
    }
  }

  /// `POST /extension/register`. `identifier` is the new one's if it succeeds.
  mutating func register(name: String, events: [String], identifier: String) -> ExtensionRefusal? {
    let index = members.firstIndex { $0.name == name }
    let isExternal = index.map { members[$0].isExternal } ?? false
    var kinds: [ExtensionEvent.Kind] = []
    for event in events {
      guard let kind = ExtensionEvent.Kind(rawValue: event) else { return .unknownEvent(event) }
      if kind == .shutdown, !isExternal { return .internalShutdown }
      if !kinds.contains(kind) { kinds.append(kind) }
    }
    if isRegistrationClosed { return .registrationClosed }
    guard let index else {
      guard members.count < Self.limit else { return .tooMany }
      members.append(Member(name: name, isExternal: false, identifier: identifier, events: kinds, state: .registered))
      return nil
    }
    guard isExternal else { return .nameTaken }
    guard case .started = members[index].state else { return members[index].transition(to: .registered) }
    members[index].identifier = identifier
    members[index].events = kinds
    members[index].state = .registered
    return nil
  }

  /// The runtime has asked for its first event.
  mutating func closeRegistration() {
    isRegistrationClosed = true
  }

  /// The name of the extension that `identifier` was given to.
  func name(of identifier: String) -> String? {
    members.first { $0.identifier == identifier }?.name
  }

  enum NextStep: Equatable {
    case hand(ExtensionEvent)
    case park(becameReady: Bool)
    case refuse(ExtensionRefusal)
  }

  /// `GET /extension/event/next`.
  mutating func next(_ identifier: String, from connection: ConnectionID) -> NextStep {
    guard let index = index(of: identifier) else { return .refuse(.unknownIdentifier(identifier)) }
    switch members[index].state {
    case .started, .initError, .exitError, .ready(.some): return .refuse(members[index].transition(to: .ready))
    case .registered, .running, .ready(nil):
      if let event = members[index].due {
        members[index].due = nil
        members[index].state = .running(event, holder: connection)
        return .hand(event)
      }
      let before = members[index].stateName
      members[index].state = .ready(waiter: connection)
      return .park(becameReady: before != .ready)
    }
  }

  struct Delivery: Equatable {
    var event: ExtensionEvent
    var waiter: ConnectionID
  }

  /// Gives `event` to all who subscribed to its kind: at once to those that wait, to the others as soon as they ask.
  mutating func deliver(_ event: ExtensionEvent) -> [Delivery] {
    members.indices.compactMap { index in
      guard members[index].events.contains(event.kind) else { return nil }
      switch members[index].state {
      case .started, .initError, .exitError: return nil
      case .registered, .running, .ready(nil):
        // A SHUTDOWN takes the place of an INVOKE that was never fetched.
        members[index].due = event
        return nil
      case .ready(let waiter?):
        members[index].state = .running(event, holder: waiter)
        return Delivery(event: event, waiter: waiter)
      }
    }
  }

  enum ErrorStep: Equatable {
    /// It is the first word of its failure.
    case failed(name: String)
    /// Said before; accepted and without effect.
    case repeated
    case refuse(ExtensionRefusal)
  }

  /// `POST /extension/init/error`, which only one that has not asked for an event yet may send.
  mutating func initError(_ identifier: String) -> ErrorStep {
    guard let index = index(of: identifier) else { return .refuse(.unknownIdentifier(identifier)) }
    switch members[index].state {
    case .registered:
      members[index].state = .initError
      return .failed(name: members[index].name)
    case .initError: return .repeated
    case .started, .ready, .running, .exitError: return .refuse(members[index].transition(to: .initError))
    }
  }

  /// `POST /extension/exit/error`.
  mutating func exitError(_ identifier: String) -> ErrorStep {
    guard let index = index(of: identifier) else { return .refuse(.unknownIdentifier(identifier)) }
    switch members[index].state {
    case .registered, .ready, .running:
      members[index].state = .exitError
      members[index].due = nil
      return .failed(name: members[index].name)
    case .exitError: return .repeated
    case .started, .initError: return .refuse(members[index].transition(to: .exitError))
    }
  }

  /// Whether it must be found out before `connection` ends if its peer read what was written: it was an event.
  func needsReceipt(from connection: ConnectionID) -> Bool {
    members.contains { $0.isHeld(by: connection) }
  }

  mutating func connectionEnded(_ connection: ConnectionID, eventUnread: Bool) {
    for index in members.indices {
      switch members[index].state {
      case .ready(waiter: connection): members[index].state = .ready(waiter: nil)
      case .running(let event, holder: connection) where eventUnread:
        members[index].state = .ready(waiter: nil)
        if members[index].due == nil { members[index].due = event }
      case .started, .registered, .ready, .running, .initError, .exitError: break
      }
    }
  }

  private func index(of identifier: String) -> Int? {
    members.firstIndex { $0.identifier == identifier }
  }
}

extension ExtensionStateMachine.Member {
  /// It waits, or would if its connection had not ended, and nothing is kept for it.
  fileprivate var isIdle: Bool { stateName == .ready && due == nil }

  fileprivate func isHeld(by connection: ConnectionID) -> Bool {
    if case .running(_, holder: connection) = state { true } else { false }
  }

  fileprivate var stateName: ExtensionStateName {
    switch state {
    case .started: .started
    case .registered: .registered
    case .ready: .ready
    case .running: .running
    case .initError: .initError
    case .exitError: .exitError
    }
  }

  fileprivate func transition(to target: ExtensionStateName) -> ExtensionRefusal {
    .transition(from: stateName, to: target, name: name)
  }
}
