import Glibc
import LinuxSystem

/// The programs of the installation, beside roostd's own file.
struct Programs {
  let supervisor: String
  let initProgram: String
  let unpackProgram: String

  init() throws {
    let own = try Self.ownPath()
    try self.init(in: String(own.prefix(upTo: own.lastIndex(of: "/") ?? own.startIndex)))
  }

  init(in directory: String) throws(RoostDaemon.Refusal) {
    supervisor = "\(directory)/roost-supervisor"
    initProgram = "\(directory)/roost-init"
    unpackProgram = "\(directory)/roost-unpack"
    for program in [supervisor, initProgram, unpackProgram] where unsafe access(program, X_OK) != 0 {
      throw RoostDaemon.Refusal(status: 69, message: "\(program) is missing", hint: "it belongs beside roostd")
    }
  }

  private static func ownPath() throws(SystemError) -> String {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = unsafe readlink("/proc/self/exe", &bytes, bytes.count)
    guard count > 0 else { throw SystemError(call: "readlink", object: "/proc/self/exe", errno: errno) }
    return String(decoding: bytes.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Help and version are the supervisor's, and need neither root nor a host.
  func answerWithoutHost(_ arguments: [String]) throws(SystemError) -> Int32? {
    guard arguments.contains(where: { ["--help", "-h", "--version"].contains($0) }) else { return nil }
    let process = try ChildProcess(program: supervisor, arguments: arguments)
    switch try process.wait() {
    case .code(let code): return code
    case .signal(let number): return 128 + number
    case nil: return 1
    }
  }

  /// The supervisor's files before anything is known of the configuration but where it is.
  func domain(_ arguments: [String]) -> SupervisorDomain {
    SupervisorDomain(program: supervisor, configuration: choice("--config", "ROOST_CONFIG", arguments))
  }

  /// Has the supervisor read options, environment and configuration file, as its own user. It has told of errors itself.
  ///
  /// - Parameter patience: for a file of some lines; a slow machine's start of a program is what takes time.
  func resolveConfiguration(
    _ arguments: [String], as user: ServiceUser, _ host: PreparedHost, patience: Duration = .seconds(20)
  ) throws -> HostSettings {
    let surroundings = SupervisorProcess.Surroundings(host: host, domain: domain(arguments))
    let words = ["resolve-configuration"] + arguments
    let answer = try SupervisorAnswer(program: supervisor, arguments: words, user: user, in: surroundings, patience: patience)
    guard let text = answer.text else { throw RoostDaemon.Refusal(status: answer.status, message: "") }
    do {
      return try HostSettings(parsing: text)
    } catch {
      throw RoostDaemon.Refusal(status: 69, message: "\(supervisor) resolve-configuration: \(error)", hint: "is it of this release?")
    }
  }
}

extension ServiceUser {
  /// `--user NAME`, `ROOST_USER` or `roost`: an option that roostd reads itself, since it says who reads the others.
  static func serving(_ arguments: [String]) throws -> ServiceUser {
    let name = choice("--user", "ROOST_USER", arguments) ?? "roost"
    guard let user = try ServiceUser(named: name) else {
      throw RoostDaemon.Refusal(
        status: 67, message: "no unprivileged user `\(name)` on this host",
        hint: "useradd --system --no-create-home --shell /usr/sbin/nologin \(name)")
    }
    return user
  }
}

/// The value of an option on the command line, or else of its variable.
private func choice(_ option: String, _ variable: String, _ arguments: [String]) -> String? {
  for (index, argument) in arguments.enumerated() {
    if argument.hasPrefix("\(option)=") { return String(argument.dropFirst(option.count + 1)) }
    if argument == option, index + 1 < arguments.count { return arguments[index + 1] }
  }
  return unsafe getenv(variable).map { unsafe String(cString: $0) }
}
