import NIOCore
import Testing

@testable import RuntimeAPI

/// Each column of the table is a state, reached by its own shortest way; each row an input, with what comes of it and the state after.
@Suite struct RuntimeStateMachineTests {
  static let first = Invocation(event: .numbered(1), nonce: InvocationNonce(high: 1, low: 1))
  static let second = Invocation(event: .numbered(2), nonce: InvocationNonce(high: 2, low: 2))
  static let runtime = ConnectionID(number: 1)
  static let other = ConnectionID(number: 2)
  static let waiter = ConnectionID(number: 3)

  enum Situation: String, CaseIterable {
    case started, startedWithEvent, initErrorArriving, initError, ready, readyWithEvent, readyWithTwoWaiters, running, runningWithWaiter
    case invocationResponse, invocationErrorResponse, responseSent, responseSentWithEvent, closed
  }

  enum Input: CaseIterable {
    case next, response, responseWithEcho, error, unknownID, staleEcho, initError
    case finishAnswer, finishAnswerOfAnother, finishInitError, end, endUnread
  }

  static func machine(_ situation: Situation) -> RuntimeStateMachine {
    var machine = RuntimeStateMachine()
    switch situation {
    case .started: break
    case .startedWithEvent: _ = machine.deliver(first)
    case .initErrorArriving: _ = machine.beginInitError(from: runtime)
    case .initError:
      _ = machine.beginInitError(from: runtime)
      _ = machine.finishInitError(from: runtime)
    case .ready: _ = machine.next(from: runtime)
    case .readyWithEvent:
      _ = machine.next(from: runtime)
      _ = machine.connectionEnded(runtime, eventUnread: false)
      _ = machine.deliver(first)
    case .readyWithTwoWaiters:
      _ = machine.next(from: runtime)
      _ = machine.next(from: waiter)
    case .running:
      _ = machine.deliver(first)
      _ = machine.next(from: runtime)
    case .runningWithWaiter:
      _ = machine.next(from: runtime)
      _ = machine.next(from: waiter)
      _ = machine.deliver(first)
    case .invocationResponse, .invocationErrorResponse, .responseSent, .responseSentWithEvent:
      _ = machine.deliver(first)
      _ = machine.next(from: runtime)
      let kind: RuntimeStateMachine.AnswerKind = situation == .invocationErrorResponse ? .error : .response
      _ = machine.beginAnswer(kind, requestID: first.event.requestID[...], echo: nil, from: runtime)
      if situation == .responseSent || situation == .responseSentWithEvent { _ = machine.finishAnswer(from: runtime) }
      if situation == .responseSentWithEvent { _ = machine.deliver(second) }
    case .closed: machine.close()
    }
    return machine
  }

  /// What `input` comes to, in short: what the caller does, and `> state` if the state is another one than before.
  static func outcome(of input: Input, in situation: Situation) -> String {
    var machine = machine(situation)
    let before = machine.name
    let outcome = apply(input, to: &machine)
    return machine.name == before ? outcome : "\(outcome) > \(machine.name?.rawValue ?? "closed")"
  }

  private static func apply(_ input: Input, to machine: inout RuntimeStateMachine) -> String {
    let id = first.event.requestID[...]
    switch input {
    case .next: return text(machine.next(from: other))
    case .response: return text(machine.beginAnswer(.response, requestID: id, echo: nil, from: other))
    case .responseWithEcho:
      var nonce = ByteBuffer()
      first.nonce.write(into: &nonce)
      return text(machine.beginAnswer(.response, requestID: id, echo: String(buffer: nonce), from: other))
    case .error: return text(machine.beginAnswer(.error, requestID: id, echo: nil, from: other))
    case .unknownID: return text(machine.beginAnswer(.response, requestID: "no-such-id", echo: "stale too", from: other))
    case .staleEcho: return text(machine.beginAnswer(.error, requestID: id, echo: "00000000-0000-4002-8000-000000000002", from: other))
    case .initError: return text(machine.beginInitError(from: other))
    case .finishAnswer: return text(machine.finishAnswer(from: runtime))
    case .finishAnswerOfAnother: return text(machine.finishAnswer(from: other))
    case .finishInitError: return text(machine.finishInitError(from: runtime))
    case .end: return text(machine.connectionEnded(runtime, eventUnread: false))
    case .endUnread: return text(machine.connectionEnded(runtime, eventUnread: true))
    }
  }

  private static func text(_ step: RuntimeStateMachine.NextStep) -> String {
    switch step {
    case .hand(let invocation): "hand \(invocation.event.requestID.suffix(1))"
    case .park(let becameReady): becameReady ? "park, ready" : "park"
    case .refuse(let refusal): text(refusal)
    }
  }

  private static func text(_ step: RuntimeStateMachine.FinishStep) -> String {
    switch step {
    case .answered(let isReady): isReady ? "answered, ready" : "answered"
    case .refuse(let refusal): text(refusal)
    }
  }

  private static func text(_ delivery: RuntimeStateMachine.Delivery) -> String {
    switch delivery {
    case .hand(let invocation, let connection): "hand \(invocation.event.requestID.suffix(1)) to \(connection.number)"
    case .keep: "-"
    }
  }

  private static func text(_ refusal: RuntimeRefusal?) -> String {
    switch refusal {
    case nil: "body"
    case .invalidRequestID: "400"
    case .staleNonce: "410"
    case .transition(let from, let to): "403 \(from.rawValue)-\(to.rawValue)"
    case .closed: "500"
    }
  }

  typealias Row = [Input: String]

  static let table: [(Situation, Row)] = [
    (
      .started,
      [
        .next: "park, ready > Ready", .response: "400", .responseWithEcho: "400", .error: "400", .unknownID: "400", .staleEcho: "400",
        .initError: "body > InitError", .finishAnswer: "500", .finishAnswerOfAnother: "500", .finishInitError: "500", .end: "-",
        .endUnread: "-",
      ]
    ),
    (
      .startedWithEvent,
      [
        .next: "hand 1 > Running", .response: "400", .responseWithEcho: "400", .error: "400", .unknownID: "400", .staleEcho: "400",
        .initError: "body > InitError", .finishAnswer: "500", .finishAnswerOfAnother: "500", .finishInitError: "500", .end: "-",
        .endUnread: "-",
      ]
    ),
    (
      .initErrorArriving,
      [
        .next: "403 InitError-Ready", .response: "400", .responseWithEcho: "400", .error: "400", .unknownID: "400", .staleEcho: "400",
        .initError: "403 InitError-InitError", .finishAnswer: "500", .finishAnswerOfAnother: "500", .finishInitError: "body",
        .end: "- > Started", .endUnread: "- > Started",
      ]
    ),
    (
      .initError,
      [
        .next: "403 InitError-Ready", .response: "400", .responseWithEcho: "400", .error: "400", .unknownID: "400", .staleEcho: "400",
        .initError: "403 InitError-InitError", .finishAnswer: "500", .finishAnswerOfAnother: "500", .finishInitError: "500",
        .end: "-", .endUnread: "-",
      ]
    ),
    (
      .ready,
      [
        .next: "park", .response: "400", .responseWithEcho: "400", .error: "400", .unknownID: "400", .staleEcho: "400",
        .initError: "403 Ready-InitError", .finishAnswer: "500", .finishAnswerOfAnother: "500", .finishInitError: "500", .end: "-",
        .endUnread: "-",
      ]
    ),
    (
      .readyWithEvent,
      [
        .next: "hand 1 > Running", .response: "400", .responseWithEcho: "400", .error: "400", .unknownID: "400", .staleEcho: "400",
        .initError: "403 Ready-InitError", .finishAnswer: "500", .finishAnswerOfAnother: "500", .finishInitError: "500", .end: "-",
        .endUnread: "-",
      ]
    ),
    (
      .readyWithTwoWaiters,
      [
        .next: "park", .response: "400", .responseWithEcho: "400", .error: "400", .unknownID: "400", .staleEcho: "400",
        .initError: "403 Ready-InitError", .finishAnswer: "500", .finishAnswerOfAnother: "500", .finishInitError: "500", .end: "-",
        .endUnread: "-",
      ]
    ),
    (
      .running,
      [
        .next: "hand 1", .response: "body > InvocationResponse", .responseWithEcho: "body > InvocationResponse",
        .error: "body > InvocationErrorResponse", .unknownID: "400", .staleEcho: "410", .initError: "403 Running-InitError",
        .finishAnswer: "500", .finishAnswerOfAnother: "500", .finishInitError: "500", .end: "-", .endUnread: "-",
      ]
    ),
    (
      .runningWithWaiter,
      [
        .next: "hand 1", .response: "body > InvocationResponse", .responseWithEcho: "body > InvocationResponse",
        .error: "body > InvocationErrorResponse", .unknownID: "400", .staleEcho: "410", .initError: "403 Running-InitError",
        .finishAnswer: "500", .finishAnswerOfAnother: "500", .finishInitError: "500", .end: "-", .endUnread: "hand 1 to 3",
      ]
    ),
    (
      .invocationResponse,
      [
        .next: "403 InvocationResponse-Ready", .response: "403 InvocationResponse-InvocationResponse",
        .responseWithEcho: "403 InvocationResponse-InvocationResponse", .error: "403 InvocationResponse-InvocationErrorResponse",
        .unknownID: "400", .staleEcho: "410", .initError: "403 InvocationResponse-InitError",
        .finishAnswer: "answered > RuntimeResponseSentState", .finishAnswerOfAnother: "500", .finishInitError: "500",
        .end: "- > Running", .endUnread: "- > Running",
      ]
    ),
    (
      .invocationErrorResponse,
      [
        .next: "403 InvocationErrorResponse-Ready", .response: "403 InvocationErrorResponse-InvocationResponse",
        .responseWithEcho: "403 InvocationErrorResponse-InvocationResponse", .error: "403 InvocationErrorResponse-InvocationErrorResponse",
        .unknownID: "400", .staleEcho: "410", .initError: "403 InvocationErrorResponse-InitError",
        .finishAnswer: "answered > RuntimeResponseSentState", .finishAnswerOfAnother: "500", .finishInitError: "500",
        .end: "- > Running", .endUnread: "- > Running",
      ]
    ),
    (
      .responseSent,
      [
        .next: "park, ready > Ready", .response: "403 RuntimeResponseSentState-InvocationResponse",
        .responseWithEcho: "403 RuntimeResponseSentState-InvocationResponse",
        .error: "403 RuntimeResponseSentState-InvocationErrorResponse",
        .unknownID: "400", .staleEcho: "410", .initError: "403 RuntimeResponseSentState-InitError",
        .finishAnswer: "500", .finishAnswerOfAnother: "500", .finishInitError: "500", .end: "-", .endUnread: "-",
      ]
    ),
    (
      .responseSentWithEvent,
      [
        .next: "hand 2 > Running", .response: "403 RuntimeResponseSentState-InvocationResponse",
        .responseWithEcho: "403 RuntimeResponseSentState-InvocationResponse",
        .error: "403 RuntimeResponseSentState-InvocationErrorResponse",
        .unknownID: "400", .staleEcho: "410", .initError: "403 RuntimeResponseSentState-InitError",
        .finishAnswer: "500", .finishAnswerOfAnother: "500", .finishInitError: "500", .end: "-", .endUnread: "-",
      ]
    ),
    (
      .closed,
      [
        .next: "500", .response: "500", .responseWithEcho: "500", .error: "500", .unknownID: "500", .staleEcho: "500", .initError: "500",
        .finishAnswer: "500", .finishAnswerOfAnother: "500", .finishInitError: "500", .end: "-", .endUnread: "-",
      ]
    ),
  ]

  @Test func `the table has a row for every state and a cell for every input`() {
    #expect(Self.table.map(\.0) == Situation.allCases)
    for (situation, row) in Self.table { #expect(row.count == Input.allCases.count, "\(situation)") }
  }

  @Test(arguments: Situation.allCases) func `every input in every state has its one outcome`(situation: Situation) throws {
    let row = try #require(Self.table.first { $0.0 == situation }).1
    for input in Input.allCases { #expect(Self.outcome(of: input, in: situation) == row[input], "\(input)") }
  }

  @Test func `an event goes to the longest waiter and otherwise waits for the runtime`() {
    let expected: [(Situation, String)] = [
      (.started, "-"), (.initErrorArriving, "-"), (.initError, "-"), (.ready, "hand 2 to 1"), (.readyWithTwoWaiters, "hand 2 to 1"),
      (.responseSent, "-"), (.closed, "-"),
    ]
    for (situation, outcome) in expected {
      var machine = Self.machine(situation)
      #expect(Self.text(machine.deliver(Self.second)) == outcome, "\(situation)")
    }
  }

  @Test func `a second event before the first is answered is a broken promise`() async {
    await #expect(processExitsWith: .failure) {
      var machine = RuntimeStateMachineTests.machine(.running)
      _ = machine.deliver(RuntimeStateMachineTests.second)
    }
    await #expect(processExitsWith: .failure) {
      var machine = RuntimeStateMachineTests.machine(.startedWithEvent)
      _ = machine.deliver(RuntimeStateMachineTests.second)
    }
  }

  @Test func `a waiter that ended is not handed the event`() {
    var machine = Self.machine(.readyWithTwoWaiters)
    _ = machine.connectionEnded(Self.runtime, eventUnread: false)
    #expect(Self.text(machine.deliver(Self.first)) == "hand 1 to 3")
  }

  @Test func `an answer is followed by readiness when another connection waits already`() {
    var machine = Self.machine(.runningWithWaiter)
    _ = machine.beginAnswer(.response, requestID: Self.first.event.requestID[...], echo: nil, from: Self.runtime)
    #expect(Self.text(machine.finishAnswer(from: Self.runtime)) == "answered, ready")
    #expect(machine.name == .ready)
    #expect(Self.text(machine.deliver(Self.second)) == "hand 2 to 3")
  }

  @Test func `an answer whose connection broke can be given again on another`() {
    var machine = Self.machine(.invocationResponse)
    _ = machine.connectionEnded(Self.runtime, eventUnread: false)
    #expect(Self.text(machine.beginAnswer(.error, requestID: Self.first.event.requestID[...], echo: nil, from: Self.other)) == "body")
    #expect(Self.text(machine.finishAnswer(from: Self.other)) == "answered")
  }
}
