import Glibc
import LinuxSystem
import SpawnProtocol
import Testing

@testable import Spawning

/// tools/roostd.service, the systemd unit.
private struct Unit {
  private let lines = text("\(repositoryPath)/tools/roostd.service").split(separator: "\n").map(String.init)

  /// The words of all lines `key=…`.
  func words(_ key: String) -> [String] {
    lines.filter { $0.hasPrefix("\(key)=") }.flatMap { $0.dropFirst(key.utf8.count + 1).split(separator: " ").map(String.init) }
  }

  /// Does to the mount namespace and the capabilities what the unit has systemd do; the rest of the words are the program.
  func wrapper(_ installation: Installation) -> [String] {
    let bounding = words("CapabilityBoundingSet").map { "+\($0.dropFirst("CAP_".utf8.count).lowercased())" }
    let script = """
      mount --make-rslave / && mkdir -p /run/roostd && for place in \(installation.stateDirectory) /run/roostd; do mount --bind $place $place; done \
      && mount -o remount,bind,ro / && mount -t tmpfs tmpfs /tmp \
      && for place in /home /root; do mount -t tmpfs -o ro,mode=0 tmpfs $place; done \
      && exec setpriv --no-new-privs --bounding-set \((["-all"] + bounding).joined(separator: ",")) "$@"
      """
    return ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", script, "sh"]
  }
}

extension HostRing {
  @Suite struct SystemdUnit {
    @Test func `the unit leaves roostd the capabilities of its list, and no others`() {
      #expect(Set(Unit().words("CapabilityBoundingSet")) == Set(Privileges.kept.map { "CAP_\($0.name)" }))
      for (key, value) in [("NoNewPrivileges", "yes"), ("ProtectSystem", "strict"), ("RuntimeDirectoryPreserve", "yes")] {
        #expect(Unit().words(key) == [value])
      }
      #expect("/run/\(Unit().words("RuntimeDirectory").joined())" == SupervisorRecord.directory)
    }

    @Test func `roostd works within what the unit leaves it, and ends in order`() throws {
      let installation = try Installation()
      let session = try DaemonSession(installation, wrapper: Unit().wrapper(installation))
      let supervisor = try session.nextSupervisor()
      let mounts = text("/proc/\(session.process.processID)/mountinfo")
      #expect(mounts.split(separator: "\n").contains { $0.contains(" / / ro,") })
      let sandbox = try supervisor.create(1, installation.recipe())
      #expect(try sandbox.start(["wait"]) == .started(.runtime, processID: 2))
      // The supervisor that comes after another one, too.
      try supervisor.exit(1)
      _ = try session.nextSupervisor().create(1, installation.recipe())
      try session.signal(SIGTERM)
      #expect(try session.end() == .code(0))
      #expect(try installation.traces().settled(installation) == Traces())
    }
  }
}
