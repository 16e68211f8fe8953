import LinuxSystem
package import Logging
import SpawnProtocol
import Synchronization

/// One run of roost-unpack in a sandbox of its own: gets an order, and answers.
package final class UnpackerSandbox: Sendable {
  /// What it may keep us waiting, all in all: some ten times what the largest archive takes on a slow machine.
  package static let patience = Duration.seconds(60)

  private static let program = "/roost-unpack"
  /// Of what it writes for people.
  private static let noteLength = 2_048

  private let sandbox: Sandbox
  private let exchange: Mutex<Exchange>
  private let failure = Mutex<Int32?>(nil)
  private let logger: Logger

  /// Has the sandbox made and the program started.
  ///
  /// - Throws: ``SpawnFailure`` or `SystemError`: the host's fault. Nothing is left.
  package static func start(
    order: [UInt8], hostUserID: UInt32, spawner: SandboxSpawner, logger: Logger
  ) async throws -> UnpackerSandbox {
    let sandbox = try await spawner.createUnpacker(hostUserID: hostUserID)
    do {
      return try UnpackerSandbox(sandbox, order, logger)
    } catch {
      await sandbox.destroy(keepVolume: false)
      throw error
    }
  }

  private init(_ sandbox: Sandbox, _ order: [UInt8], _ logger: Logger) throws {
    guard let number = sandbox.takeListener() else { preconditionFailure("a new sandbox has its listener") }
    let end = try Descriptor.eventCounter()
    let raised = try end.duplicate()
    exchange = Mutex(try Exchange.begin(listener: Descriptor(owning: number), end: end, sending: order, patience: Self.patience))
    self.sandbox = sandbox
    self.logger = logger
    try sandbox.observe { [weak self] event in
      if case .failedToStart(_, let errno) = event { self?.failure.withLock { $0 = errno } }
      switch event {
      case .failedToStart, .exited, .ended:
        // It can only fail on a descriptor that is not one.
        do { try raised.raiseEvent() } catch { preconditionFailure("\(error)") }
      case .started, .memoryNotice, .readable: break
      }
    }
    try sandbox.start(Launch(program: Self.program))
  }

  /// The next bytes of its answer; none at its end. Waits: never call it on the cooperative pool.
  package func read() throws(Exchange.Fault) -> [UInt8] {
    // One reader at a time, who may wait here; nobody else wants the lock.
    do throws(Exchange.Fault) {
      return try exchange.withLock { (exchange) throws(Exchange.Fault) in try exchange.read() }
    } catch {
      guard error == .vanished, let errno = failure.withLock({ $0 }) else { throw error }
      throw .notStarted(errno: errno)
    }
  }

  /// Kills what still runs and returns when nothing of it is left.
  ///
  /// - Returns: `false`: roostd is gone, and may have taken it along before its time.
  package func end() async -> Bool {
    logNotes()
    return await sandbox.destroy(keepVolume: false)
  }

  /// What it wrote: nothing, unless something went wrong.
  private func logNotes() {
    var notes: [UInt8] = []
    do {
      for stream in [OutputStream.standardOutput, .standardError] {
        _ = try sandbox.drainOutput(stream, into: &notes, limit: Self.noteLength)
      }
      let kills = try sandbox.outOfMemoryKills()
      if kills > 0 { logger.warning("an unpacker ran out of memory") }
    } catch {
      logger.warning("an unpacker's notes: \(error)")
    }
    if !notes.isEmpty { logger.warning("an unpacker said: \(String(decoding: notes, as: UTF8.self))") }
  }
}
