import NIOCore
import Testing

@testable import RuntimeAPI

/// The life of extensions as a table: what was done before, the input, and the answer.
struct ExtensionStateMachineTests {
  enum Input: Sendable {
    case register(String, [String])
    case next(String, from: Int)
    case invoke(Int)
    case shutDown
    case initError(String)
    case exitError(String)
    case ended(Int, unread: Bool)
    case closeRegistration
  }

  struct Row: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var before: [Input]
    var input: Input
    var answer: String
    var busy: [String]

    init(_ name: String, _ before: [Input], _ input: Input, _ answer: String, busy: [String]) {
      (testDescription, self.before, self.input, self.answer, self.busy) = (name, before, input, answer, busy)
    }
  }

  static let registered: [Input] = [.register("out", ["INVOKE", "SHUTDOWN"])]
  static let ready = registered + [.next("out", from: 1)]
  static let running = ready + [.invoke(1)]
  static let quiet: [Input] = [.register("out", []), .next("out", from: 1)]

  static let rows: [Row] = [
    Row("an external extension registers", [], .register("out", ["INVOKE", "SHUTDOWN"]), "ok", busy: ["out"]),
    Row("an external extension registers twice", registered, .register("out", []), "Registered to Registered", busy: ["out"]),
    Row("an internal extension registers", registered, .register("in", ["INVOKE"]), "ok", busy: ["out", "in"]),
    Row("an internal extension registers twice", [.register("in", [])], .register("in", []), "nameTaken", busy: ["out", "in"]),
    Row("an internal extension wants SHUTDOWN", [], .register("in", ["SHUTDOWN"]), "internalShutdown", busy: ["out"]),
    Row("an event that there is not", [], .register("out", ["invoke"]), "unknownEvent(\"invoke\")", busy: ["out"]),
    Row("after the runtime's first next", [.closeRegistration], .register("in", []), "registrationClosed", busy: ["out"]),
    Row(
      "the eleventh", (1...9).map { .register("in\($0)", []) }, .register("in10", []), "tooMany",
      busy: ["out"] + (1...9).map { "in\($0)" }),
    Row("an extension that never registered", [], .next("out", from: 1), "unknownIdentifier(\"out\")", busy: ["out"]),
    Row("its first next", registered, .next("out", from: 1), "parked, ready", busy: []),
    Row("its second next while the first waits", ready, .next("out", from: 2), "Ready to Ready", busy: []),
    Row(
      "its next after the connection of the first is gone", ready + [.ended(1, unread: false)], .next("out", from: 2), "parked", busy: []),
    Row("an event for one that waits", ready, .invoke(1), "1 to 1", busy: ["out"]),
    Row("an event for one that did not subscribe", quiet, .invoke(1), "", busy: []),
    Row("an event while nobody waits is kept", ready + [.ended(1, unread: false)], .invoke(1), "", busy: ["out"]),
    Row(
      "an event that was kept", ready + [.ended(1, unread: false), .invoke(1)], .next("out", from: 2), "handed 1", busy: ["out"]),
    Row("the end of an event", running, .next("out", from: 2), "parked, ready", busy: []),
    Row(
      "a connection ends that had read its event", running + [.ended(1, unread: false)], .next("out", from: 2), "parked, ready", busy: []),
    Row("an event that was not read comes again", running + [.ended(1, unread: true)], .next("out", from: 2), "handed 1", busy: ["out"]),
    Row("one that did not read its event is busy", running, .ended(1, unread: true), "", busy: ["out"]),
    Row("a SHUTDOWN for one that waits", ready, .shutDown, "shutdown to 1", busy: ["out"]),
    Row("a SHUTDOWN for one that works", running + [.shutDown], .next("out", from: 2), "handed shutdown", busy: ["out"]),
    Row(
      "a SHUTDOWN before an event that was not read", running + [.shutDown, .ended(1, unread: true)], .next("out", from: 2),
      "handed shutdown", busy: ["out"]),
    Row("a SHUTDOWN is not for internal ones", [.register("in", ["INVOKE"]), .next("in", from: 3)], .shutDown, "", busy: ["out"]),
    Row("an init error", registered, .initError("out"), "failed out", busy: ["out"]),
    Row("an init error again", registered + [.initError("out")], .initError("out"), "repeated", busy: ["out"]),
    Row("an init error after init", ready, .initError("out"), "Ready to InitError", busy: []),
    Row("next after an init error", registered + [.initError("out")], .next("out", from: 1), "InitError to Ready", busy: ["out"]),
    Row("an exit error while it works", running, .exitError("out"), "failed out", busy: ["out"]),
    Row("an exit error again", running + [.exitError("out")], .exitError("out"), "repeated", busy: ["out"]),
    Row("an exit error after an init error", registered + [.initError("out")], .exitError("out"), "InitError to ExitError", busy: ["out"]),
    Row("an init error after an exit error", ready + [.exitError("out")], .initError("out"), "ExitError to InitError", busy: ["out"]),
    Row("an event for one that failed", ready + [.exitError("out")], .invoke(1), "", busy: ["out"]),
  ]

  @Test(arguments: rows) func `an extension's life`(row: Row) {
    var machine = ExtensionStateMachine(external: ["out"])
    for input in row.before { _ = Self.apply(input, to: &machine) }
    #expect(Self.apply(row.input, to: &machine) == row.answer)
    #expect(machine.statuses.filter(\.isBusy).map(\.name) == row.busy)
  }

  /// A name serves as the identifier too.
  private static func apply(_ input: Input, to machine: inout ExtensionStateMachine) -> String {
    switch input {
    case .register(let name, let events):
      return machine.register(name: name, events: events, identifier: name).map(text) ?? "ok"
    case .next(let identifier, let connection): return text(machine.next(identifier, from: ConnectionID(number: connection)))
    case .invoke(let number): return text(machine.deliver(ExtensionEvent(.numbered(number), identifier: String(number))))
    case .shutDown: return text(machine.deliver(ExtensionEvent(shutdown: .spindown, deadline: 0)))
    case .initError(let identifier): return text(machine.initError(identifier))
    case .exitError(let identifier): return text(machine.exitError(identifier))
    case .ended(let connection, let unread):
      machine.connectionEnded(ConnectionID(number: connection), eventUnread: unread)
      return ""
    case .closeRegistration:
      machine.closeRegistration()
      return ""
    }
  }

  private static func text(_ refusal: ExtensionRefusal) -> String {
    guard case .transition(let from, let to, _) = refusal else { return "\(refusal)" }
    return "\(from.rawValue) to \(to.rawValue)"
  }

  private static func text(_ step: ExtensionStateMachine.NextStep) -> String {
    switch step {
    case .hand(let event): "handed \(event.identifier ?? "shutdown")"
    case .park(let becameReady): "parked" + (becameReady ? ", ready" : "")
    case .refuse(let refusal): text(refusal)
    }
  }

  private static func text(_ deliveries: [ExtensionStateMachine.Delivery]) -> String {
    deliveries.map { "\($0.event.identifier ?? "shutdown") to \($0.waiter.number)" }.joined(separator: ",")
  }

  private static func text(_ step: ExtensionStateMachine.ErrorStep) -> String {
    switch step {
    case .failed(let name): "failed \(name)"
    case .repeated: "repeated"
    case .refuse(let refusal): text(refusal)
    }
  }
}
