import NIOCore
import Testing

@testable import Environments

@Suite struct `Environment state machine` {
  private func running(_ id: String = "r1") -> RunningInvocation {
    let invocation = Invocation(
      requestID: id, invokedARN: "arn", payload: ByteBuffer(), contentType: nil, clientContext: nil, traceID: "t",
      wantsLogTail: false, accepted: .now(), completion: { _ in })
    return RunningInvocation(invocation: invocation, begun: .now(), begunWall: 0, deadline: .now() + .seconds(3), isCold: true)
  }

  private func initialized() -> EnvironmentStateMachine {
    var machine = EnvironmentStateMachine()
    _ = machine.start()
    guard case .initialized = machine.runtimeIsReady(at: .now(), extensionsAreReady: true) else {
      fatalError("init ends with the first /next")
    }
    return machine
  }

  @Test func `init ends with the first question for an event, and then an event can be delivered`() {
    var machine = initialized()
    guard case .deliver = machine.invoke(running()) else { return #expect(Bool(false), "an idle environment takes an invocation") }
    guard case .refuse = machine.invoke(running("r2")) else { return #expect(Bool(false), "one invocation at a time") }
  }

  @Test func `an invocation is over when the runtime asks again after its answer, not before`() {
    var machine = initialized()
    _ = machine.invoke(running())
    guard case .ignore = machine.runtimeIsReady(at: .now(), extensionsAreReady: true) else { return #expect(Bool(false), "no answer yet") }
    let first = machine.answered(at: .now(), isError: false, errorType: nil, bytes: 1)
    #expect(first?.invocation.requestID == "r1")
    let second = machine.answered(at: .now(), isError: false, errorType: nil, bytes: 1)
    #expect(second == nil)
    guard case .finished(let done) = machine.runtimeIsReady(at: .now(), extensionsAreReady: true) else {
      return #expect(Bool(false), "answered and asked again")
    }
    #expect(done.answered?.bytes == 1)
    guard case .idle = machine.state else { return #expect(Bool(false), "idle again") }
  }

  @Test func `init lasts until the runtime and all extensions have asked, whoever is last`() {
    var machine = EnvironmentStateMachine()
    _ = machine.start()
    guard case .ignore = machine.runtimeIsReady(at: .now(), extensionsAreReady: false) else {
      return #expect(Bool(false), "an extension is still busy")
    }
    guard case .refuse = machine.invoke(running()) else { return #expect(Bool(false), "not initialised yet") }
    guard case .initialized = machine.extensionsAreReady() else { return #expect(Bool(false), "now it is") }

    var other = EnvironmentStateMachine()
    _ = other.start()
    guard case .ignore = other.extensionsAreReady() else { return #expect(Bool(false), "the runtime has not asked") }
    guard case .initialized = other.runtimeIsReady(at: .now(), extensionsAreReady: true) else {
      return #expect(Bool(false), "the runtime was last")
    }
  }

  @Test func `an invocation lasts until the extensions have asked, too, and that is noted`() {
    var machine = initialized()
    _ = machine.invoke(running())
    guard case .ignore = machine.extensionsAreReady() else { return #expect(Bool(false), "no answer yet") }
    _ = machine.answered(at: .now(), isError: false, errorType: nil, bytes: 1)
    guard case .ignore = machine.extensionsAreReady() else { return #expect(Bool(false), "the runtime has not asked") }
    let done = NIODeadline.now()
    guard case .awaitExtensions = machine.runtimeIsReady(at: done, extensionsAreReady: false) else {
      return #expect(Bool(false), "an extension is still busy")
    }
    guard case .ignore = machine.runtimeIsReady(at: .now(), extensionsAreReady: false) else {
      return #expect(Bool(false), "a second waiter of the runtime changes nothing")
    }
    guard case .refuse = machine.invoke(running("r2")) else { return #expect(Bool(false), "it is not over") }
    guard case .finished(let finished) = machine.extensionsAreReady() else { return #expect(Bool(false), "now it is") }
    #expect(finished.runtimeDone == done && finished.awaitsExtensions)
    guard case .deliver = machine.invoke(running("r2")) else { return #expect(Bool(false), "the next one") }
  }

  @Test func `an extension that hangs after the answer fails the invocation that has been answered`() {
    var machine = initialized()
    _ = machine.invoke(running())
    _ = machine.answered(at: .now(), isError: false, errorType: nil, bytes: 1)
    _ = machine.runtimeIsReady(at: .now(), extensionsAreReady: false)
    guard case .invocationFailed(let failed) = machine.fault() else { return #expect(Bool(false), "it was running") }
    #expect(failed.answered != nil)
    guard case .ignore = machine.extensionsAreReady() else { return #expect(Bool(false), "too late") }
  }

  @Test func `a fault while running ends the invocation, and the next one initialises anew`() {
    var machine = initialized()
    _ = machine.invoke(running())
    guard case .invocationFailed = machine.fault() else { return #expect(Bool(false), "it was running") }
    guard case .ignore = machine.fault() else { return #expect(Bool(false), "one fault is enough") }
    guard case .refuse = machine.invoke(running("early")) else { return #expect(Bool(false), "the sandbox is still going") }
    let machineIsAvailable = machine.sandboxDestroyed()
    #expect(machineIsAvailable)
    guard case .initializeFirst = machine.invoke(running("r2")) else { return #expect(Bool(false), "init inside the invoke") }
    guard case .deliver(let next) = machine.runtimeIsReady(at: .now(), extensionsAreReady: true) else {
      return #expect(Bool(false), "then the event")
    }
    #expect(next.invocation.requestID == "r2")
  }

  @Test func `a failed init phase leaves an environment that can be invoked`() {
    var machine = EnvironmentStateMachine()
    _ = machine.start()
    guard case .initPhaseFailed = machine.fault() else { return #expect(Bool(false), "no invocation was running") }
    let machineIsAvailable = machine.sandboxDestroyed()
    #expect(machineIsAvailable)
    guard case .initializeFirst = machine.invoke(running()) else { return #expect(Bool(false), "init is repeated") }
    guard case .invocationFailed = machine.fault() else { return #expect(Bool(false), "and fails that invocation") }
  }

  @Test func `a runtime that dies while idle is lost without an invocation`() {
    var machine = initialized()
    guard case .lost = machine.fault() else { return #expect(Bool(false), "nothing ran") }
  }

  @Test func `a stop that comes before the start is obeyed`() {
    var machine = EnvironmentStateMachine()
    _ = machine.stop()
    let starts = machine.start()
    #expect(!starts)
  }

  @Test func `stop is legal in every state and ends in stopped`() {
    var fresh = EnvironmentStateMachine()
    guard case .stop(nil) = fresh.stop() else { return #expect(Bool(false), "nothing runs in a new one") }
    let freshIsAvailable = fresh.sandboxDestroyed()
    #expect(!freshIsAvailable)
    guard case .stopped = fresh.state else { return #expect(Bool(false), "stopped") }

    var busy = initialized()
    _ = busy.invoke(running())
    guard case .stop(.some) = busy.stop() else { return #expect(Bool(false), "the running invocation must be told") }
    guard case .ignore = busy.stop() else { return #expect(Bool(false), "once") }
    guard case .ignore = busy.runtimeIsReady(at: .now(), extensionsAreReady: true) else { return #expect(Bool(false), "too late") }
    guard case .ignore = busy.fault() else { return #expect(Bool(false), "expected") }

    var resetting = initialized()
    _ = resetting.fault()
    guard case .alreadyDestroying = resetting.stop() else { return #expect(Bool(false), "its end is on the way") }
    let resettingIsAvailable = resetting.sandboxDestroyed()
    #expect(!resettingIsAvailable)
    guard case .stopped = resetting.state else { return #expect(Bool(false), "stopped") }
  }
}
