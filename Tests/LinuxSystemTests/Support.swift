import Glibc
import LinuxSystem
import Testing

/// What a test needs of the host it runs on.
enum Requirement: Sendable {
  case root
  case controller(ControlGroupLayout.Controller)
  case program(String)
  case loopDevices
  /// btrfs, of Linux 6.7 or newer.
  case simpleQuotas

  var isMet: Bool {
    switch self {
    case .root: geteuid() == 0
    case .controller(let controller): (try? ControlGroupLayout.detect())?.hierarchy(with: controller) != nil
    case .program(let path): unsafe access(path, X_OK) == 0
    case .loopDevices: unsafe access("/dev/loop-control", R_OK | W_OK) == 0
    case .simpleQuotas: hasSimpleQuotas
    }
  }

  var name: String {
    switch self {
    case .root: "root"
    case .controller(let controller): "the \(controller.rawValue) controller"
    case .program(let path): path
    case .loopDevices: "/dev/loop-control"
    case .simpleQuotas: "btrfs with simple quotas (Linux 6.7)"
    }
  }

  private var hasSimpleQuotas: Bool {
    let text = { (path: String) in (try? Descriptor.open(path, flags: O_RDONLY).readText()) ?? "" }  // unreadable: not there
    let version = text("/proc/sys/kernel/osrelease").split { !$0.isWholeNumber }.prefix(2).compactMap { Int($0) }
    return text("/proc/filesystems").contains("\tbtrfs\n") && version.count == 2 && (version[0], version[1]) >= (6, 7)
  }
}

extension Trait where Self == ConditionTrait {
  /// Skips the test, and prints why, on a host that lacks something.
  static func requires(_ requirements: Requirement...) -> Self {
    let missing = requirements.filter { !$0.isMet }.map(\.name)
    return .enabled(if: missing.isEmpty, "needs \(missing.joined(separator: ", "))")
  }
}

/// A directory of the test's own, by its path; gone when `body` ends, however it ends.
func withScratchDirectory(_ body: (String) throws -> Void) throws {
  let path = "/tmp/roost-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
  let parent = try Descriptor.open("/tmp", flags: O_RDONLY | O_DIRECTORY)
  let name = String(path.dropFirst("/tmp/".count))
  try parent.makeDirectory(name, mode: 0o700)
  defer {
    do { try parent.removeTree(name) } catch { Issue.record("\(error)") }
  }
  try body(path)
}

/// The errno with which `body` is refused; 0 when it is not.
func refusal(_ body: () throws -> Void) throws -> Int32 {
  do { try body() } catch let error as SystemError { return error.errno }
  return 0
}

/// Waits until `condition` holds, looking every 5 ms: for what the kernel does not announce.
func eventually(within limit: Duration = .limit(10), _ condition: () throws -> Bool) throws -> Bool {
  let poller = try Poller()
  let deadline = ContinuousClock.now + limit
  while try !condition() {
    guard ContinuousClock.now < deadline else { return false }
    _ = try poller.wait(timeout: .milliseconds(5))
  }
  return true
}

/// Whether `number` becomes ready within 10 s.
func becomesReady(_ number: CInt, for interest: Poller.Interest = .readable) throws -> Bool {
  let poller = try Poller()
  try poller.add(number, for: interest, token: 1)
  return try !poller.wait(timeout: .limit(10)).isEmpty
}

/// How much slower than bare metal this machine may be; the cgroup-v2 guest sets it.
let timeScale = unsafe getenv("ROOST_TIME_SCALE").flatMap { unsafe Int(String(cString: $0)) } ?? 1

extension Duration {
  /// So many seconds for what should happen much sooner, and more of them on a slow machine.
  static func limit(_ seconds: Int) -> Duration { .seconds(seconds * timeScale) }
}
