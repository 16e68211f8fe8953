// SpawnProtocol: the closed set of messages across the privilege border between roost-supervisor and roostd.
//
// One message is one packet of a SOCK_SEQPACKET socket pair; descriptors travel beside it by SCM_RIGHTS. Encoding is
// binary, bounded by `SpawnProtocol.maximumPacket`, and every field is checked again when decoded: identifiers and
// enumerated options cross the border, never paths, argument vectors or environment variables. (What the runtime is started
// with goes from the supervisor to roost-init over the sandbox's control socket, which roostd only passes on.)

package enum SpawnProtocol {
  /// The largest packet either side sends or accepts, in bytes.
  package static let maximumPacket = 4_096
  /// What roostd gives each unpacker, in bytes; the supervisor, which has two at a time at most, leaves as much out of its budget.
  package static let unpackerMemoryBytes: UInt64 = 256 << 20
  /// The descriptor at which roost-supervisor finds its end of the socket pair.
  package static let supervisorDescriptor: Int32 = 3
}

/// A sandbox, as the supervisor numbers it: never used twice in one supervisor's life.
package struct SandboxID: Sendable, Hashable {
  package var number: UInt64
  package init(_ number: UInt64) { self.number = number }
}

/// A `/tmp` volume, as the supervisor numbers it. It outlives a sandbox that is reset, and no other.
package struct VolumeID: Sendable, Hashable {
  package var number: UInt64
  package init(_ number: UInt64) { self.number = number }
}

/// What a sandbox is made of. Names are resolved by roostd beneath directories that it opened at its start.
package struct SandboxRecipe: Sendable, Hashable {
  /// Image directory beneath the runtimes directory, as in `python3.11`.
  package var runtime: String
  /// 32-byte SHA-256: artefact at `artifacts/<hex>/code`, which holds `var/task/…`.
  package var code: [UInt8]
  /// 32-byte SHA-256 each, lowest first: artefacts at `artifacts/<hex>/layer`, which hold `opt/…`.
  package var layers: [[UInt8]]
  package var hostUserID: UInt32
  package var memoryBytes: UInt64
  package var processLimit: UInt32
  package var volume: VolumeID
  package var volumeMegabytes: UInt32
  package var network: NetworkPolicyChoice

  package init(
    runtime: String, code: [UInt8], layers: [[UInt8]], hostUserID: UInt32, memoryBytes: UInt64,
    processLimit: UInt32, volume: VolumeID, volumeMegabytes: UInt32, network: NetworkPolicyChoice = .none
  ) {
    self.runtime = runtime
    self.code = code
    self.layers = layers
    self.hostUserID = hostUserID
    self.memoryBytes = memoryBytes
    self.processLimit = processLimit
    self.volume = volume
    self.volumeMegabytes = volumeMegabytes
    self.network = network
  }
}

/// What a sandbox may reach beyond its own loopback.
///
/// Subnets and security groups are numbered as in the host's configuration, which roostd has read too; no address crosses the border.
package enum NetworkPolicyChoice: Sendable, Hashable {
  /// Nothing: the sandbox has no other device.
  case none
  /// The outside, by the host's default.
  case nat
  /// The outside as the subnet and the groups allow.
  case subnet(UInt8, groups: [UInt8])
}

/// Supervisor to roostd.
package enum SpawnRequest: Sendable, Hashable {
  /// Make a sandbox; answered by `created` or `failed`.
  case create(SandboxID, SandboxRecipe)
  /// End every process of it at once; for hosts without `cgroup.kill`. Answered by `exited` in its time.
  case kill(SandboxID)
  /// Kill what still runs, reap it, remove the cgroups, and give the volume back unless it is kept. Answered by `destroyed`.
  case destroy(SandboxID, keepVolume: Bool)
  /// Give back a volume that a `destroy` kept.
  case release(VolumeID)
  /// Make a sandbox that holds nothing but `/roost-unpack`, for an archive that nobody has looked at yet. All else of it is roostd's choice:
  /// no `/tmp`, no network but its own, little memory. Answered by `created` or `failed`.
  case createUnpacker(SandboxID, hostUserID: UInt32)
}

/// roostd to supervisor.
package enum SpawnEvent: Sendable, Hashable {
  /// Once, before all others: the directories beneath which every sandbox has its control group, for reading. The descriptors beside it are
  /// `roles`, in that order.
  case trees([TreeRole])
  /// The sandbox stands and roost-init waits for its start message. The descriptors beside it are `roles`, in that order.
  case created(SandboxID, CreatedSandbox)
  /// Nothing of it is left.
  case failed(SandboxID, SpawnFailure)
  /// PID 1 ended, and with it all processes of the sandbox.
  case exited(SandboxID)
  case destroyed(SandboxID)
}

package struct CreatedSandbox: Sendable, Hashable {
  package var hostProcessID: UInt32
  /// Its control group's name, in digits, in each of the ``SpawnEvent/trees(_:)``.
  package var group: UInt64
  package var freezer: FreezerKind
  package var memory: ControllerKind
  package var cpu: ControllerKind
  package var roles: [DescriptorRole]
  /// Microseconds from the request's arrival until roost-init ran.
  package var microseconds: UInt32

  package init(
    hostProcessID: UInt32, group: UInt64, freezer: FreezerKind, memory: ControllerKind, cpu: ControllerKind, roles: [DescriptorRole],
    microseconds: UInt32
  ) {
    self.hostProcessID = hostProcessID
    self.group = group
    self.freezer = freezer
    self.memory = memory
    self.cpu = cpu
    self.roles = roles
    self.microseconds = microseconds
  }
}

/// Which interface a handed-over freezer descriptor has.
package enum FreezerKind: UInt8, Sendable, Hashable {
  /// `cgroup.freeze`: write `1` or `0`.
  case v2 = 2
  /// `freezer.state`: write `FROZEN` or `THAWED`.
  case v1 = 1
}

/// Which interface a handed-over controller file has.
package enum ControllerKind: UInt8, Sendable, Hashable {
  case v2 = 2
  case v1 = 1
}

/// What a directory of control groups has in it. One that has several things, as v2's has all, is handed over for each.
package enum TreeRole: UInt8, Sendable, Hashable, CaseIterable {
  /// The v2 tree, with controllers or without; absent on a pure v1 host.
  case unified = 1
  case memory = 2
  case cpu = 3
  /// v1's `cpuacct`; absent where the cpu controller is v2's, which counts as well.
  case cpuAccounting = 4
  case processes = 5
}

/// What a handed-over descriptor is.
///
/// Each is held for as long as the environment lives, a thousand times on a full host: what is only read now and then is found in
/// ``SpawnEvent/trees(_:)`` instead.
package enum DescriptorRole: UInt8, Sendable, Hashable, CaseIterable {
  /// pidfd of PID 1: readable once it has ended. For waiting only; the supervisor may not signal through it.
  case process = 1
  /// SOCK_SEQPACKET to roost-init: see ``InitMessage``.
  case control = 2
  /// Listening TCP socket at 169.254.100.1:9001 inside the sandbox's network namespace; non-blocking.
  case listener = 3
  /// Read ends of the runtime's stdout and stderr; non-blocking.
  case standardOutput = 4
  case standardError = 5
  /// `cgroup.freeze` (v2) or `freezer.state` (v1), for writing.
  case freeze = 6
  /// `cgroup.kill`, for writing; absent on a pure v1 host.
  case kill = 7
  /// `cpu.max` (v2: "quota period") or `cpu.cfs_quota_us` (v1: the quota alone; the period is 20 ms already), for writing.
  case cpuQuota = 8
  /// v2 only: `memory.events` (line `oom_kill N`; POLLPRI on change), for reading.
  case memoryEvents = 9
  /// v1 only: an eventfd that the kernel raises when the group runs out of memory.
  case outOfMemory = 10
  /// `cpu.weight` (v2) or `cpu.shares` (v1), for writing.
  case cpuWeight = 11
}

/// Where making a sandbox failed, and the kernel's answer.
package struct SpawnFailure: Error, Sendable, Hashable {
  package var step: SpawnStep
  /// errno as the kernel gave it; 0 when roostd itself refused.
  package var errno: Int32

  package init(step: SpawnStep, errno: Int32) {
    self.step = step
    self.errno = errno
  }
}

extension SpawnFailure: CustomStringConvertible {
  /// As in `mountRoot: errno 22`.
  package var description: String {
    "\(step): errno \(errno)" + (hint.map { ", \($0)" } ?? "")
  }

  private var hint: String? {
    switch errno {
    case _ where self == .tooMany: "the host has as many sandboxes as sandbox-limit allows"
    case 28 where step == .prepareVolume: "the host's disk has no space for another /tmp"  // ENOSPC
    case 23, 24: "the host has no descriptors left: raise the limit of open files"  // ENFILE, EMFILE
    default: nil
    }
  }
}

extension SpawnFailure {
  /// The host has as many sandboxes as it may: EUSERS.
  package static let tooMany = SpawnFailure(step: .refused, errno: 87)
}
