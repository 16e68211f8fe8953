import CSandbox
import Glibc
import LinuxSystem

/// The files of the host that there are for the supervisor: a Landlock domain, made anew for each start, since a rule is about the file
/// that a name led to at that time.
struct SupervisorDomain {
  /// The supervisor's executable.
  var program: String
  /// `--config`, where one is named.
  var configuration: String?
  /// Once they are known: roostd's own descriptors, which outlive this value.
  var stateDirectory: CInt?
  var runtimesDirectory: CInt?
  /// Of roostd's control groups, in every tree.
  var controlGroups: [CInt] = []

  /// What the C library and others look up: users, names of hosts and services, certificates, time zones.
  private static let looked = [
    "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/resolv.conf", "/run/systemd/resolve", "/etc/hosts", "/etc/host.conf",
    "/etc/gai.conf", "/etc/services", "/etc/protocols", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs",
    "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo",
    "/etc/ld.so.cache", "/dev/random", "/dev/urandom", "/dev/zero",
    // All of it, since its own entry is not there yet when the rules are made. Of other processes it sees what every user may, `cmdline` and
    // `status`: what the kernel guards as it guards tracing (memory, environment, descriptors) a domain is refused of all that is outside it.
    "/proc",
  ]
  private static let libraries = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"]

  /// The domain, to be put on by the supervisor's child; none on a kernel without Landlock.
  func make() throws(SystemError) -> DescriptorList {
    var list = LeaveList()
    list.append(try Descriptor.openPlace(chosenByRoot: program), CSANDBOX_LEAVE_TO_RUN)
    for path in Self.libraries + (try Self.ownLibraries()) { try list.appendIfPresent(path, CSANDBOX_LEAVE_TO_RUN) }
    for path in Self.looked { try list.appendIfPresent(path, CSANDBOX_LEAVE_TO_READ) }
    list.append(try Descriptor.openPlace(chosenByRoot: "/dev/null"), CSANDBOX_LEAVE_TO_WRITE)
    if let configuration { try list.appendIfPresent(configuration, CSANDBOX_LEAVE_TO_READ) }
    if let runtimesDirectory { list.append(runtimesDirectory, CSANDBOX_LEAVE_TO_READ) }
    for directory in controlGroups { list.append(directory, CSANDBOX_LEAVE_TO_READ) }
    if let stateDirectory { list.append(stateDirectory, CSANDBOX_LEAVE_TO_KEEP) }
    return try list.domain()
  }

  /// The ABI of this kernel's Landlock; `nil` where there is none.
  static var landlockVersion: Int? {
    let answer = csandbox_landlock_version()
    return answer > 0 ? Int(answer) : nil
  }

  /// The directories that our own libraries were loaded from: a Swift toolchain's, for programs that do not carry its library in themselves.
  private static func ownLibraries() throws(SystemError) -> [String] {
    let maps = String(decoding: try Descriptor.open("/proc/self/maps", flags: O_RDONLY).readAll(limit: 1 << 22), as: UTF8.self)
    var directories: Set<String> = []
    for line in maps.split(separator: "\n") {
      guard let start = line.firstIndex(of: "/"), line.contains(".so"), let end = line.lastIndex(of: "/"), end > start else { continue }
      directories.insert(String(line[start..<end]))
    }
    return directories.sorted()
  }
}

/// Opened places and what may be done there.
private struct LeaveList: ~Copyable {
  private var owned = DescriptorList()
  private var entries: [csandbox_leave_for] = []

  mutating func append(_ place: consuming Descriptor, _ leave: csandbox_leave) {
    append(place.rawValue, leave)
    owned.append(place)
  }

  /// A descriptor of somebody else's, who keeps it.
  mutating func append(_ number: CInt, _ leave: csandbox_leave) {
    entries.append(csandbox_leave_for(path: number, leave: leave))
  }

  /// A link is followed where root alone could have put it: the supervisor does not choose what it may read.
  mutating func appendIfPresent(_ path: String, _ leave: csandbox_leave) throws(SystemError) {
    do {
      append(try Descriptor.openPlace(chosenByRoot: path), leave)
    } catch let error where [ENOENT, ENOTDIR, ELOOP].contains(error.errno) {}
  }

  borrowing func domain() throws(SystemError) -> DescriptorList {
    var domain = DescriptorList()
    let answer = unsafe csandbox_make_domain(entries, UInt32(entries.count))
    if [-ENOSYS, -EOPNOTSUPP].contains(answer) { return domain }
    guard answer >= 0 else { throw SystemError(call: "landlock", object: "the supervisor's domain", errno: -answer) }
    domain.append(Descriptor(owning: answer))
    return domain
  }
}
