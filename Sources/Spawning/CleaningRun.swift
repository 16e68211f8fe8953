import Glibc
import LinuxSystem

/// `roostd --clean`: finds and removes by hand what a start would, and ends.
///
/// Standard output gets one line for each leftover, `kind TAB name TAB detail`; with `--dry-run` nothing is removed. Exit statuses beside
/// roostd's usual ones: 1 something could not be removed, or with `--dry-run` something is there.
enum CleaningRun {
  static func main(programs: Programs, arguments: [String]) throws -> Int32 {
    try RoostDaemon.requireRoot()
    try Privileges.reduce()
    raiseDescriptorLimit()
    let user = try ServiceUser.serving(arguments)
    let layout = try ControlGroupLayout.detect()
    // A dry run touches nothing; what it believes, it only tells.
    if !arguments.contains("--dry-run") {
      for group in try SupervisorRecord.endOrphans(of: user.account.userID, layout: layout) {
        try tell(Leftover(kind: "control group", name: group))
      }
    }
    let settings = try programs.resolveConfiguration(arguments, as: user, try PreparedHost())
    guard StateDirectory.isLaidOut(at: settings.stateDirectory) else {
      throw RoostDaemon.Refusal(
        status: 69, message: "\(settings.stateDirectory) is no state directory of a roostd", hint: "name it with --state-dir")
    }
    let state = try StateDirectory(path: settings.stateDirectory, owner: user.account)
    let leftovers = try Leftovers(
      of: state, controlGroups: settings.controlGroupName ?? ControlGroupTree.name(forStateDirectory: state.path),
      layout: layout)
    return arguments.contains("--dry-run") ? try list(leftovers) : try remove(leftovers)
  }

  private static func list(_ leftovers: Leftovers) throws -> Int32 {
    let found = try leftovers.find()
    for leftover in found { try tell(leftover) }
    return found.isEmpty ? 0 : 1
  }

  private static func remove(_ leftovers: Leftovers) throws -> Int32 {
    var removed: [Leftover] = []
    let failures = leftovers.reap { removed.append($0) }
    for leftover in removed { try tell(leftover) }
    for failure in failures { note("\(failure)") }
    return failures.isEmpty ? 0 : 1
  }

  private static func tell(_ leftover: Leftover) throws(SystemError) {
    let fields = [leftover.kind, leftover.name, leftover.detail]
    let line = fields.map { field in String(field.map { $0.isNewline || $0 == "\t" ? "?" : $0 }) }.joined(separator: "\t")
    try StandardStream.output.write(Array("\(line)\n".utf8))
  }
}
