import CSandbox
import Glibc
import LinuxSystem
import SpawnProtocol

/// The process side of one sandbox: the clone and its set-up socket.
///
/// To be kept until the process has been reaped or has said that it ``Report/ended`` its set-up: until then it runs in roostd's memory.
final class SandboxChild {
  let process: ChildHandle

  /// What the child says on the set-up socket.
  enum Report: ~Copyable {
    case none
    case mapsWanted(listener: Descriptor)
    case failed(SpawnFailure)
    /// By execve, or by death.
    case ended(certainlyDead: Bool)
  }

  /// Until it has ended.
  private var setup: Descriptor?
  /// Until the child has left roostd's memory.
  private var stack: ChildStack?
  /// Its `oom_score_adj`, to be written once it has.
  private var outOfMemoryScore: Descriptor?

  /// Where to wait for a ``Report``.
  var setupDescriptor: CInt {
    switch setup {
    case .some(let setup): setup.rawValue
    case nil: -1
    }
  }

  /// Closes the set-up socket, which nobody watches any more.
  func endSetUp() { setup = nil }

  /// Clones into `group`, with `root` as the future root and `temporary`, if there is one, as /tmp; the ends of its pipes go into `handOver`.
  init(
    host: SandboxHost, order: SandboxOrder, group: ControlGroup, root: borrowing Descriptor,
    temporary: borrowing Descriptor?, network: HostNetwork.Lease?, handOver: HandOver
  ) throws(SpawnFailure) {
    let ends = try SandboxChild.makeEnds()
    let tasks = try failing(at: .makeControlGroup) { () throws(SystemError) in try group.openTasks() }
    var plan = csandbox_plan()
    plan.control_group = group.unifiedDirectory ?? -1
    plan.root = root.rawValue
    switch temporary {
    case .some(let mount): plan.temporary = mount.rawValue
    case nil: plan.temporary = -1
    }
    plan.standard_output = ends.standardOutput.writeEnd.rawValue
    plan.standard_error = ends.standardError.writeEnd.rawValue
    plan.control = ends.control.second.rawValue
    plan.`init` = host.initProgram.rawValue
    plan.setup = ends.setup.second.rawValue
    plan.host_id = order.hostUserID
    plan.process_limit = order.processLimit
    plan.setTasks(tasks.rawValues)
    plan.link.host = -1
    if let network { host.network?.describe(network, in: &plan.link) }
    var child = unsafe csandbox_child()
    let answer = unsafe csandbox_spawn(host.prepared.pointer, &plan, &child)
    guard answer == 0 else { throw SpawnFailure(step: .clone, errno: -answer) }
    process = unsafe ChildHandle(processID: child.process, pidfd: child.pidfd)
    stack = unsafe ChildStack(child)
    setup = .some(ends.setup.first)
    handOver.append(ends.control.first, as: .control)
    handOver.append(ends.standardOutput.readEnd, as: .standardOutput)
    handOver.append(ends.standardError.readEnd, as: .standardError)
  }

  /// The next message of the child, if there is one.
  func nextReport() throws(SpawnFailure) -> Report {
    var report = csandbox_report()
    let answer = unsafe csandbox_receive(setupDescriptor, &report)
    guard answer == 0 else { throw SpawnFailure(step: .handshake, errno: -answer) }
    switch csandbox_report_kind(report.kind) {
    case CSANDBOX_NOTHING: return .none
    case CSANDBOX_ENDED:
      stack = nil
      rankAmongVictims()
      return .ended(certainlyDead: report.error != 0)
    case CSANDBOX_READY where report.listener >= 0: return .mapsWanted(listener: Descriptor(owning: report.listener))
    case CSANDBOX_FAILED:
      let step = UInt16(exactly: report.step).flatMap(SpawnStep.init) ?? .handshake
      return .failed(SpawnFailure(step: step, errno: report.error))
    default: throw SpawnFailure(step: .handshake, errno: EPROTO)
    }
  }

  /// Writes the maps of its user namespace and lets it go on.
  func writeMaps(hostUserID: UInt32) throws(SpawnFailure) {
    // Now, since it belongs to root as long as the process is not dumpable, as roostd's memory makes it.
    outOfMemoryScore = try failing(at: .writeIdentityMap) { () throws(SystemError) in try OutOfMemoryScore.file(of: process.processID) }
    guard setupDescriptor >= 0 else { throw SpawnFailure(step: .writeIdentityMap, errno: EPIPE) }
    let answer = csandbox_admit(setupDescriptor, process.processID, hostUserID)
    guard answer == 0 else { throw SpawnFailure(step: .writeIdentityMap, errno: -answer) }
  }

  /// Raising a score is refused to nobody; a process that has ended has none.
  private func rankAmongVictims() {
    do {
      if let file = outOfMemoryScore.take() { try file.write("\(OutOfMemoryScore.sandbox)") }
    } catch  where error.errno != ESRCH {
      note("process \(process.processID): \(error)")
    } catch {}
  }

  private struct Ends: ~Copyable {
    var standardOutput: Pipe
    var standardError: Pipe
    /// First ours, second the child's.
    var control: DescriptorPair
    var setup: DescriptorPair
  }

  private static func makeEnds() throws(SpawnFailure) -> Ends {
    do {
      let ends = Ends(
        standardOutput: try Pipe(nonBlockingReadEnd: true), standardError: try Pipe(nonBlockingReadEnd: true),
        control: try PacketSocket.pair(), setup: try PacketSocket.pair())
      // They are root's. So that a function can open /dev/stdout and /dev/stderr: for writing, and not to read what it wrote.
      try ends.standardOutput.writeEnd.setMode(0o622)
      try ends.standardError.writeEnd.setMode(0o622)
      return ends
    } catch {
      throw SpawnFailure(step: .makePipes, errno: error.errno)
    }
  }
}

/// What the child of a clone runs on before its execve; freed with this value.
@safe
private struct ChildStack: ~Copyable {
  private var child: csandbox_child

  init(_ child: csandbox_child) { unsafe self.child = child }

  deinit {
    var child = unsafe child
    unsafe csandbox_free_stack(&child)
  }
}

extension csandbox_plan {
  /// At most `CSANDBOX_TASKS_MAX`, which is more than there are v1 controllers of ours; csandbox_spawn refuses a larger count.
  fileprivate mutating func setTasks(_ numbers: [CInt]) {
    tasks_count = UInt32(numbers.count)
    unsafe withUnsafeMutableBytes(of: &tasks) { places in
      unsafe numbers.withUnsafeBytes { source in
        unsafe places.copyMemory(from: UnsafeRawBufferPointer(rebasing: source.prefix(places.count)))
      }
    }
  }
}

/// Runs `body` and tells its failure as one of `step`.
func failing<Result: ~Copyable>(
  at step: SpawnStep, _ body: () throws(SystemError) -> Result
) throws(SpawnFailure) -> Result {
  do { return try body() } catch { throw SpawnFailure(step: step, errno: error.errno) }
}
