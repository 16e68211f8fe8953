import FoundationEssentials
import FunctionModel
import LinuxSystem

extension HostSecuritySnapshot {
  /// Looks at this host. What cannot be read stays empty.
  static func ofThisHost(daemon: HostFacts) -> HostSecuritySnapshot {
    var host = HostSecuritySnapshot(daemon: daemon)
    host.kernelRelease = ProcessReader.text("/proc/sys/kernel/osrelease").flat
    let modules = ProcessReader.text("/sys/kernel/security/lsm").flat
    host.securityModules = modules.isEmpty ? nil : modules.split(separator: ",").map(String.init)
    host.landlock = Landlock.version
    host.settings = settingPaths.reduce(into: [:]) { values, path in
      let value = ProcessReader.text(path).flat
      if !value.isEmpty { values[path] = value }
    }
    let folder = "/sys/devices/system/cpu/vulnerabilities"
    host.vulnerabilities = ProcessReader.names(in: folder).reduce(into: [:]) { $0[$1] = ProcessReader.text("\(folder)/\($1)").flat }
    host.hasCryptographySockets = SocketFamily.cryptography.isAvailable
    if let security = daemon.security { host.supervisor = ProcessReader.snapshot(of: security.processID) }
    if let parent = host.supervisor.field("PPid").flatMap({ Int($0) }) { host.root = ProcessReader.snapshot(of: parent) }
    host.privateModes = privateFiles.reduce(into: [:]) { $0[$1] = ProcessReader.permissions("\(daemon.stateDirectory)/\($1)") }
    let socket = "\(daemon.stateDirectory)/run/admin.sock"
    host.socketMode = ProcessReader.permissions(socket)
    host.socketOwner = ProcessReader.owner(socket)
    host.socketGroup = ProcessReader.group(socket)
    host.users = ProcessReader.text("/etc/passwd")
    return host
  }
}
