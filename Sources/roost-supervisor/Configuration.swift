import FoundationEssentials
import FunctionModel
import LinuxSystem
import Logging
import Scheduling
import Yams

/// What the daemon runs with, every value checked.
struct Configuration: Sendable {
  var stateDirectory: String
  var runtimesDirectory: String
  var host: String
  var port: Int
  var isAuthenticated: Bool
  var owner: Owner
  var scheduling: SchedulingConfiguration
  var drainTimeout: Duration
  var journalLimit: MemorySize
  /// Free disk space below which nothing is accepted that takes some.
  var diskReserve: MemorySize
  /// What roostd is told of these, as given: it finds its own defaults, since it can look at a disk where no state directory is yet.
  var givenDiskBudget: Int?
  var givenDiskReserve: Int?
  /// roostd's bound on sandboxes at a time: this process asks for fewer, unless it has been taken over.
  var sandboxLimit: Int
  var temporaryBackend: String
  var user: String
  var logLevel: Logger.Level
  var network: NetworkConfiguration
  /// What the Metadata API tells programs of where this host stands.
  var availabilityZoneID: String
  var roles: RoleConfiguration
  /// What the delays and ages of asynchronous events are multiplied with, for tests.
  var eventTimeScale: Double
  /// The configuration file, where there is one.
  var file: String?

  /// Host uids that environments are given. They must belong to nobody else on the host, another Roost among them.
  static let userIDs: ClosedRange<UInt32> = 2_000_000_001...2_000_065_536

  static let keys: Set<String> = [
    "state-dir", "listen", "runtimes-dir", "auth", "region", "account", "concurrency-limit", "memory-budget",
    "disk-budget", "disk-reserve", "tmp-backend", "idle-timeout", "drain-timeout", "journal-limit", "user", "uid-range",
    "log-level", "sandbox-limit", "availability-zone-id", "event-time-scale",
  ]

  /// Mappings, and so in the file only.
  private static let networkKey = "network"
  private static let credentialsKey = "credentials"
  private static let mappings: Set<String> = [networkKey, credentialsKey]

  /// Merges command line, environment and file, and checks every value.
  static func resolve(_ options: Options) throws(ConfigurationError) -> Configuration {
    let environment = ProcessInfo.processInfo.environment
    let path = options.config ?? environment["ROOST_CONFIG"]
    let content = try file(path)
    var values = content.filter { !mappings.contains($0.key) }.mapValues { "\($0)" }
    for key in keys {
      if let value = environment["ROOST_" + key.uppercased().replacing("-", with: "_")] { values[key] = value }
    }
    values.merge(options.given) { $1 }
    var configuration = try Configuration(
      values, network: try NetworkConfiguration(content[networkKey]), credentials: content[credentialsKey])
    configuration.file = path
    return configuration
  }

  private static func file(_ path: String?) throws(ConfigurationError) -> [String: Any] {
    guard let path else { return [:] }
    let content: Any?
    do {
      content = try Yams.load(yaml: String(contentsOf: URL(filePath: path), encoding: .utf8), .basic)
    } catch let error as YamlError {
      throw ConfigurationError("\(path): \(error)")
    } catch {
      throw ConfigurationError("cannot read \(path)", hint: "it must exist and be readable by the daemon's user")
    }
    guard let content else { return [:] }  // an empty file
    guard let mapping = content as? [String: Any] else { throw ConfigurationError("\(path): not a mapping of keys to values") }
    if let unknown = mapping.keys.filter({ !keys.contains($0) && !mappings.contains($0) }).min() {
      throw ConfigurationError(
        "\(path): unknown key \(unknown)", hint: "keys are \(keys.union(mappings).sorted().joined(separator: ", "))")
    }
    return mapping
  }

  private init(_ values: [String: String], network: NetworkConfiguration, credentials: Any?) throws(ConfigurationError) {
    self.network = network
    stateDirectory = try Self.path(values, "state-dir") ?? "/var/lib/roost"
    roles = try RoleConfiguration(credentials, stateDirectory: stateDirectory, region: values["region"] ?? "us-east-1")
    runtimesDirectory = try Self.path(values, "runtimes-dir") ?? stateDirectory + "/runtimes"
    (host, port) = try Self.address(values["listen"] ?? "127.0.0.1:3001")
    user = values["user"] ?? "roost"
    isAuthenticated = try Self.authentication(values["auth"] ?? "sigv4", host: host)
    owner = Owner(account: values["account"] ?? "000000000000", region: values["region"] ?? "us-east-1")
    availabilityZoneID = values["availability-zone-id"] ?? "use1-az1"
    guard availabilityZoneID.wholeMatch(of: /[a-z0-9-]{1,32}/) != nil else {
      throw ConfigurationError("availability-zone-id \(availabilityZoneID): not an identifier of a zone")
    }
    guard owner.account.utf8.count == 12, owner.account.allSatisfy({ ("0"..."9").contains($0) }) else {
      throw ConfigurationError("account \(owner.account): not 12 digits")
    }
    guard let level = Logger.Level(rawValue: values["log-level"] ?? "info") else {
      throw ConfigurationError(
        "log-level \(values["log-level"] ?? ""): unknown", hint: "use trace, debug, info, notice, warning, error or critical")
    }
    logLevel = level
    guard owner.region.wholeMatch(of: /[a-z0-9-]{1,32}/) != nil else { throw ConfigurationError("region \(owner.region): not a region") }
    guard user.wholeMatch(of: /[a-z_][a-z0-9_-]{0,31}/) != nil else { throw ConfigurationError("user \(user): not a user name") }
    // roostd gives the supervisor 30 s to end.
    drainTimeout = .seconds(try Self.number(values, "drain-timeout", 0...25) ?? 5)
    journalLimit = .megabytes(try Self.number(values, "journal-limit", 16...1_048_576) ?? 2_048)
    let budget = try Self.number(values, "memory-budget", 128...1_048_576 * 64).map(MemorySize.megabytes)
    // As many of the smallest as the budget holds, some unpackers, and those on their way out.
    sandboxLimit =
      try Self.number(values, "sandbox-limit", 1...1_000_000)
      ?? Int(clamping: (budget ?? HostFactsReader.totalMemory()).bytes / MemorySize.megabytes(128).bytes + 32)
    let disk = HostFactsReader.diskSpace(for: stateDirectory)
    givenDiskReserve = try Self.number(values, "disk-reserve", 0...1_048_576 * 64)
    diskReserve = givenDiskReserve.map(MemorySize.megabytes) ?? disk.usualReserve
    givenDiskBudget = try Self.number(values, "disk-budget", 512...1_048_576 * 64)
    temporaryBackend = values["tmp-backend"] ?? "auto"
    guard ["auto", "ext4", "btrfs", "tmpfs"].contains(temporaryBackend) else {
      throw ConfigurationError("tmp-backend \(temporaryBackend): unknown", hint: "use auto, ext4, btrfs or tmpfs")
    }
    eventTimeScale = try Self.fraction(values, "event-time-scale") ?? 1
    scheduling = SchedulingConfiguration(
      concurrencyLimit: try Self.number(values, "concurrency-limit", 1...1_000_000) ?? 1_000,
      budget: HostResources(
        memory: budget ?? HostFactsReader.defaultMemoryBudget(),
        disk: givenDiskBudget.map(MemorySize.megabytes) ?? disk.defaultBudget(reserve: diskReserve),
        environments: HostResources.environments(descriptors: DescriptorLimit.current)),
      idleTimeout: .seconds(try Self.number(values, "idle-timeout", 1...86_400) ?? 600),
      userIDs: try Self.userIDs(values["uid-range"]))
  }

  /// `FIRST-LAST`. Below 65,536 are the host's own users, and `nobody`.
  private static func userIDs(_ text: String?) throws(ConfigurationError) -> ClosedRange<UInt32> {
    guard let text else { return userIDs }
    let bounds = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt32($0) }
    guard bounds.count == 2, let first = bounds[0], let last = bounds[1], first > 65_535, first <= last, last < .max - 1 else {
      throw ConfigurationError("uid-range \(text): not FIRST-LAST above 65535", hint: "as in \(userIDs.lowerBound)-\(userIDs.upperBound)")
    }
    return first...last
  }

  private static func path(_ values: [String: String], _ key: String) throws(ConfigurationError) -> String? {
    guard let value = values[key] else { return nil }
    guard value.hasPrefix("/"), !value.contains("\n") else {
      throw ConfigurationError("\(key) \(value): not an absolute path")
    }
    return value
  }

  private static func address(_ text: String) throws(ConfigurationError) -> (String, Int) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count >= 2, let last = parts.last, let port = Int(last), (0...65_535).contains(port) else {
      throw ConfigurationError("listen \(text): not ADDRESS:PORT", hint: "as in 127.0.0.1:3001")
    }
    let host = parts.dropLast().joined(separator: ":").trimmingPrefix("[")
    return (String(host.hasSuffix("]") ? host.dropLast() : host), port)
  }

  private static func authentication(_ text: String, host: String) throws(ConfigurationError) -> Bool {
    switch text {
    case "sigv4": return true
    case "none":
      guard host == "::1" || host == "localhost" || host.wholeMatch(of: /127(\.[0-9]{1,3}){3}/) != nil else {
        throw ConfigurationError(
          "auth none is accepted on a loopback address only, not on \(host)", hint: "listen on 127.0.0.1, or use auth sigv4")
      }
      return false
    default: throw ConfigurationError("auth \(text): unknown", hint: "use sigv4 or none")
    }
  }

  private static func number(
    _ values: [String: String], _ key: String, _ range: ClosedRange<Int>
  ) throws(ConfigurationError) -> Int? {
    guard let text = values[key] else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw ConfigurationError("\(key) \(text): not a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
}

extension Configuration {
  private static func fraction(_ values: [String: String], _ key: String) throws(ConfigurationError) -> Double? {
    guard let text = values[key] else { return nil }
    guard let number = Double(text), number > 0, number <= 1 else { throw ConfigurationError("\(key) \(text): not a number from 0 to 1") }
    return number
  }
}

/// A configuration that cannot be run with, in one line and perhaps a hint.
struct ConfigurationError: Error, CustomStringConvertible {
  var message: String
  var hint: String?

  init(_ message: String, hint: String? = nil) {
    self.message = message
    self.hint = hint
  }

  var description: String { message }
}
