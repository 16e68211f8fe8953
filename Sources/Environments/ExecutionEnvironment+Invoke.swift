import FunctionModel
import Logging
import NIOCore
import RuntimeAPI
import Sandboxing
import SpawnProtocol

// The runtime's side of an invocation: it answers, asks for more, or fails.
extension ExecutionEnvironment {
  func runtimeIsReady(_ generation: Int) {
    guard generation == self.generation, !runtimeHasEnded else { return }
    proceed(machine.runtimeIsReady(at: .now(), extensionsAreReady: extensionsAreReady))
  }

  func proceed(_ action: EnvironmentStateMachine.ReadyAction) {
    switch action {
    case .initialized: initialized()
    case .deliver(let running): initializedInsideInvoke(running)
    case .finished(let running): finish(running, fault: nil)
    case .awaitExtensions(let running):
      // They may wait for this very record, and for what the runtime wrote before it.
      collectOutput()
      tellRuntimeDone(report(running, ended: .now(), fault: nil, usage: Usage()))
    case .ignore: break
    }
  }

  func runtimeAnswered(_ answer: RuntimeAnswer, _ generation: Int) {
    guard generation == self.generation else { return }
    // v1 kills one process and leaves the rest, which may have answered already: all the same the environment is out of memory.
    if let sandbox, sandbox.mayLoseSingleProcesses, killedForMemory(sandbox) { return fault(.outOfMemory) }
    switch answer {
    case .response(let payload, let contentType):
      answered(payload, contentType: contentType, errorType: nil)
    case .streamed(let contentType): answered(ByteBuffer(), contentType: contentType, errorType: nil)
    case .error(let payload, let type):
      answered(payload, contentType: nil, errorType: type.classified, sentType: type.sent)
    case .tooLarge(let limit):
      answered(Self.tooLarge(limit), contentType: nil, errorType: "Function.ResponseSizeTooLarge")
    case .invalidResponseMode:
      fault(.invalidResponseMode)
    case .truncated: responseBrokeOff(generation)
    }
  }

  private static func tooLarge(_ limit: Int) -> ByteBuffer {
    ByteBuffer(
      string: #"{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed "#
        + #"payload size (\#(limit) bytes)."}"#)
  }

  /// The caller is answered here and now, unless it waits for the log's tail, which ends with the REPORT line.
  private func answered(_ payload: ByteBuffer, contentType: String?, errorType: String?, sentType: String? = nil) {
    let answer = InvocationAnswer(
      payload: payload, contentType: contentType, isFunctionError: errorType != nil, errorType: sentType ?? errorType)
    guard
      let running = machine.answered(
        at: .now(), isError: errorType != nil, errorType: errorType, bytes: payload.readableBytes + streamedBytes)
    else { return }
    if running.invocation.wantsLogTail {
      heldAnswer = answer
    } else {
      running.invocation.completion(.answered(answer))
    }
    delegate.environmentIsFinishing(self)
  }

  /// The invocation is over: its log is complete, its numbers are taken, and the environment goes on to the next.
  func finish(_ running: RunningInvocation, fault: InvocationFault?) {
    clearClock()
    let ended = NIODeadline.now()
    collectOutput()
    let usage = usage()
    let report = report(running, ended: ended, fault: fault, usage: usage)
    times.used = usage
    logEnd(running, report, fault: fault)
    answerHeld(running, fault: fault)
    if fault == nil { becomeAvailable() }
    recorder.record(report.record(environment: id))
  }

  private func report(_ running: RunningInvocation, ended: NIODeadline, fault: InvocationFault?, usage: Usage) -> InvocationReport {
    InvocationReport(
      running, ended: ended, fault: fault, usage: usage, version: version, times: times, streamedBytes: streamedBytes,
      responseBegan: responseBegan)
  }

  /// Gives the caller its answer if it has none yet: held back for the log's tail, or made of the fault.
  private func answerHeld(_ running: RunningInvocation, fault: InvocationFault?) {
    defer { heldAnswer = nil }
    var answer: InvocationAnswer
    if let held = heldAnswer {
      answer = held
    } else if let fault, running.answered == nil {
      answer = InvocationAnswer(
        payload: fault.payload(requestID: running.invocation.requestID), contentType: nil, isFunctionError: true,
        errorType: fault.errorType)
    } else {
      return
    }
    if running.invocation.wantsLogTail { answer.logTail = output.tail?.string }
    running.invocation.completion(.answered(answer))
  }

  /// Takes the next invocation if one waits, else freezes.
  func becomeAvailable() {
    output.requestID = nil
    output.tail = nil
    if let next = delegate.environmentIsAvailable(self) {
      invokeUnfrozen(next)
    } else if case .idle = machine.state {
      freeze()
    }
  }

  /// Something ended what the sandbox was doing. The caller is told at once, then the sandbox is taken down.
  func fault(_ fault: InvocationFault) {
    switch machine.fault() {
    case .ignore: return
    case .initPhaseFailed: initPhaseFailed(fault)
    case .invocationFailed(let running): finish(running, fault: fault)
    case .lost:
      host.logger.warning("environment \(id) was lost while idle: \(fault.errorType)")
      delegate.environmentIsLost(self)
    }
    clearClock()
    Task { await self.takeDown(keepVolume: true, reason: nil, tellingExtensions: fault.shutdownReason) }
  }

  private func initPhaseFailed(_ fault: InvocationFault) {
    collectOutput()
    let duration = .now() - times.initBegan
    logText(initReport("init", fault, duration))
    tellInitEnd(phase: .initialization, fault: fault, duration: duration)
  }

  func sandboxTold(_ event: SandboxEvent, generation: Int) {
    guard generation == self.generation, let sandbox else { return }
    switch event {
    case .started: break
    case .failedToStart(let program, let errno):
      programEnded(program)
      couldNotStart(program, errno: errno)
    case .exited(let program, let status):
      programEnded(program)
      ended(program, status, in: sandbox)
    case .ended:
      for program in programs.running { programEnded(program) }
      fault(killedForMemory(sandbox) ? .outOfMemory : .exited(.signal(9)))
    case .memoryNotice: checkMemory(generation: generation, after: [.milliseconds(1), .milliseconds(10), .milliseconds(50)])
    case .readable(let stream): readOutput(stream, of: sandbox)
    }
  }

  private func couldNotStart(_ program: ProgramNumber, errno: Int32) {
    guard program != .runtime else { return fault(.invalidEntrypoint) }
    tellExtension(programs.name(of: program), "LaunchError", errorType: "Extension.LaunchError")
    fault(.extension(.notStarted(name: programs.name(of: program), errno: errno)))
  }

  private func ended(_ program: ProgramNumber, _ status: ExitStatus, in sandbox: Sandbox) {
    if killedForMemory(sandbox) { return fault(.outOfMemory) }
    guard program == .runtime else { return fault(.extension(.ended(status))) }
    runtimeHasEnded = true
    guard case .running(let running) = machine.state, running.answered == nil else { return fault(.exited(status)) }
    awaitLastWords(status, generation: generation, rounds: 10)
  }

  /// What the runtime sent before it exited is its caller's, and may still lie unread in its connections, or one of them unaccepted: the
  /// exit counts when all have ended, which after a crash they have at once, or soon, for a child of the runtime may keep one open.
  private func awaitLastWords(_ status: ExitStatus, generation: Int, rounds: Int) {
    eventLoop.scheduleTask(in: .milliseconds(5)) { [weak self] in
      self?.assumeIsolated {
        guard generation == $0.generation else { return }
        guard rounds > 1, $0.runtime?.isConnected == true else { return $0.fault(.exited(status)) }
        $0.awaitLastWords(status, generation: generation, rounds: rounds - 1)
      }
    }
  }

  /// Any process killed for want of memory ends the whole environment. The v1 notice comes a moment before the kill.
  private func checkMemory(generation: Int, after delays: [TimeAmount]) {
    guard generation == self.generation, let sandbox else { return }
    if killedForMemory(sandbox) { return fault(.outOfMemory) }
    guard let delay = delays.first else { return }
    eventLoop.scheduleTask(in: delay) { [weak self] in
      self?.assumeIsolated { $0.checkMemory(generation: generation, after: Array(delays.dropFirst())) }
    }
  }

  private func killedForMemory(_ sandbox: Sandbox) -> Bool {
    do { return try sandbox.outOfMemoryKills() > 0 } catch {
      host.logger.error("environment \(id): \(error)")
      return false
    }
  }
}
