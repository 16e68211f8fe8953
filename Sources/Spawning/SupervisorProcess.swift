import CSandbox
import Glibc
import LinuxSystem

/// A run of roost-supervisor: an unprivileged child with a socket to us at descriptor 3.
package final class SupervisorProcess {
  /// Ends that another start would only repeat, as sysexits.h numbers them: command line, something the host must have (the address is
  /// taken), configuration.
  package static let finalStatuses: Set<Int32> = [64, 69, 78]

  let handle: ChildHandle
  let began = ContinuousClock.now

  /// What a supervisor lives in, beside its user.
  struct Surroundings {
    /// The sandboxes' system call policy is the supervisor's too.
    let host: PreparedHost
    let domain: SupervisorDomain
    /// `nil`: ours.
    var group: ControlGroup?
    var outOfMemoryScore: Int?
  }

  /// Starts `program`; `socket` becomes its descriptor 3, `output` its standard output where it is not ours.
  init(
    program: String, arguments: [String], user: ServiceUser, in surroundings: Surroundings, socket: CInt = -1, output: CInt = -1
  ) throws(SystemError) {
    var child = unsafe csandbox_child(process: 0, pidfd: -1, stack: nil)
    let domain = try surroundings.domain.make()
    let domainNumber = domain.rawValues.first ?? -1
    let tasks = try surroundings.group?.openTasks() ?? DescriptorList()
    let taskNumbers = tasks.rawValues
    let score = surroundings.outOfMemoryScore.map(String.init)
    let answer = unsafe withCStrings([program] + arguments) { arguments in
      unsafe withCStrings(SupervisorProcess.environment) { environment in
        unsafe withCStrings(score.map { [$0] } ?? []) { score in
          unsafe user.groups.withUnsafeBufferPointer { groups in
            unsafe taskNumbers.withUnsafeBufferPointer { tasks in
              var daemon = unsafe csandbox_daemon(
                path: arguments[0], arguments: arguments, environment: environment, user: user.account.userID,
                group: user.account.groupID, group_count: UInt32(groups.count), groups: groups.baseAddress, socket: socket,
                output: output, control_group: surroundings.group?.unifiedDirectory ?? -1, tasks_count: UInt32(tasks.count),
                tasks: tasks.baseAddress, domain: domainNumber, filter: surroundings.host.filter, oom_score: score[0])
              return unsafe csandbox_start_daemon(&daemon, &child)
            }
          }
        }
      }
    }
    withExtendedLifetime(domain) {}
    withExtendedLifetime(tasks) {}
    let (processID, pidfd) = unsafe (child.process, child.pidfd)
    if pidfd >= 0 {
      handle = ChildHandle(processID: processID, pidfd: pidfd)
    } else {
      throw SystemError(call: "clone3", object: program, errno: -answer)
    }
    guard answer == 0 else {
      // It has said why, and ends.
      while try handle.reap() == nil { sched_yield() }
      throw SystemError(call: "execve", object: program, errno: -answer)
    }
  }

  /// What configuration may be in our own environment, and where programs are; nothing else is the supervisor's business.
  private static var environment: [String] {
    var variables = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
    var entry = unsafe environ
    while let text = unsafe entry.pointee {
      let variable = unsafe String(cString: text)
      if variable.hasPrefix("ROOST_") { variables.append(variable) }
      unsafe entry += 1
    }
    return variables
  }
}

/// `texts` as a NULL-terminated array of C strings, for the call of `body` only.
private func withCStrings<Result>(
  _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers = unsafe texts.map { unsafe strdup($0) }
  unsafe pointers.append(nil)
  defer { unsafe pointers.forEach { unsafe free($0) } }
  return unsafe pointers.withUnsafeBufferPointer { buffer in
    // Never empty: it has the NULL at least.
    unsafe body(buffer.baseAddress!)
  }
}
