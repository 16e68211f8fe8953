import ArgumentParser

/// The daemon's options. Each is also a key of the configuration file and a `ROOST_*` variable; the command line wins over the
/// environment, and that over the file.
struct Options: ParsableArguments {
  @Option(help: "Where everything is kept: databases, artefacts, volumes, sockets. (default: /var/lib/roost)")
  var stateDir: String?

  @Option(help: "Address and port of the AWS endpoint. (default: 127.0.0.1:3001)")
  var listen: String?

  @Option(help: "Runtime images made by tools/build-rootfs. (default: <state-dir>/runtimes)")
  var runtimesDir: String?

  @Option(help: "Configuration file (YAML).")
  var config: String?

  @Option(help: "How requests prove who they are: sigv4, or none on a loopback address. (default: sigv4)")
  var auth: String?

  @Option(help: "Region of the resources. (default: us-east-1)")
  var region: String?

  @Option(help: "Availability zone that programs are told of, by its id. (default: use1-az1)")
  var availabilityZoneId: String?

  @Option(help: "Account of requests whose access key names none: 12 digits. (default: 000000000000)")
  var account: String?

  @Option(help: "Invocations at once in the account. (default: 1000)")
  var concurrencyLimit: String?

  @Option(help: "Memory that all environments together may be promised, in MB. (default: what the host has, less a reserve)")
  var memoryBudget: String?

  @Option(help: "Sandboxes at once that roostd makes, whatever it is asked. (default: one for each 128 MB of the memory budget, and 32)")
  var sandboxLimit: String?

  @Option(help: "What the /tmp volumes of all environments together may be promised, in MB. (default: what is free, less a reserve)")
  var diskBudget: String?

  @Option(help: "Free disk space below which no environment and no code is accepted, in MB. (default: a twentieth, at most 1024)")
  var diskReserve: String?

  @Option(help: "What /tmp is made of: ext4, btrfs, tmpfs (in memory), or auto: ext4, and where that cannot be tmpfs. (default: auto)")
  var tmpBackend: String?

  @Option(help: "Seconds after which an idle environment ends. (default: 600)")
  var idleTimeout: String?

  @Option(help: "Seconds that running invocations have to end when the daemon is stopped. (default: 5)")
  var drainTimeout: String?

  @Option(help: "What the journal of invocations and log lines may take of the disk, in MB. (default: 2048)")
  var journalLimit: String?

  @Option(help: "What the delays and ages of asynchronous events are multiplied with, for tests. (default: 1)")
  var eventTimeScale: String?

  @Option(help: "Unprivileged user of the supervisor. (default: roost)")
  var user: String?

  @Option(help: "Host user ids for environments, FIRST-LAST; two daemons on one host need two. (default: 2000000001-2000065536)")
  var uidRange: String?

  @Option(help: "trace, debug, info, notice, warning, error or critical. (default: info)")
  var logLevel: String?

  // roostd acts on these two and does not start us to serve then; here they are for the help, and so as not to be refused.
  @ArgumentParser.Flag(help: "Remove what a killed daemon has left in this state directory and on this host, print it, and end.")
  var clean = false

  @ArgumentParser.Flag(help: "With --clean: only print what would be removed.")
  var dryRun = false

  /// The options that were given, by the names they have in the configuration file.
  var given: [String: String] {
    [
      "state-dir": stateDir, "listen": listen, "runtimes-dir": runtimesDir, "auth": auth, "region": region,
      "availability-zone-id": availabilityZoneId,
      "account": account, "concurrency-limit": concurrencyLimit, "memory-budget": memoryBudget, "sandbox-limit": sandboxLimit,
      "disk-budget": diskBudget, "disk-reserve": diskReserve, "tmp-backend": tmpBackend,
      "idle-timeout": idleTimeout, "drain-timeout": drainTimeout, "journal-limit": journalLimit, "event-time-scale": eventTimeScale,
      "user": user, "uid-range": uidRange, "log-level": logLevel,
    ].compactMapValues { $0 }
  }
}
