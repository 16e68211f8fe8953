import Glibc

/// What roostd has to know of the configuration, as the supervisor's `resolve-configuration` tells it: lines `key=value`.
///
/// Configuration is parsed by the unprivileged side. What comes from there is checked here like any other foreign bytes.
package struct HostSettings: Sendable, Hashable {
  package var stateDirectory: String
  package var runtimesDirectory: String
  /// Host uids that sandboxes may have.
  package var userIDs: ClosedRange<UInt32>
  /// How many `/tmp` volumes of each size in use are kept ready.
  package var volumePool = 2
  /// How many times as many at most, while they are wanted faster than they are made.
  package var volumePoolGrowth = 4
  /// What `/tmp` is made of.
  package var temporaryBackend = TemporaryBackend.auto
  /// What the volumes' sizes may add up to, in bytes; here the size of a btrfs of our own. Absent when the administrator named none.
  package var diskBudget: Int64?
  /// Below so many free bytes no volume is made; the usual share of the file system when absent.
  package var diskReserve: UInt64?
  /// The name of roostd's own control groups; made of the state directory's path when absent.
  package var controlGroupName: String?
  /// So many sandboxes at a time at most, whatever the supervisor asks for.
  package var sandboxLimit = HostSettings.usualSandboxLimit
  package var network = NetworkSettings()

  /// As many of the smallest functions as this host's memory holds, and some unpackers and sandboxes that are on their way out. sysconf(3).
  package static var usualSandboxLimit: Int { sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) / (128 << 20) + 32 }

  package init(stateDirectory: String, runtimesDirectory: String, userIDs: ClosedRange<UInt32>) {
    self.stateDirectory = stateDirectory
    self.runtimesDirectory = runtimesDirectory
    self.userIDs = userIDs
  }

  package struct Malformed: Error, CustomStringConvertible {
    package let description: String
  }

  package init(parsing text: String) throws(Malformed) {
    var values: [Substring: Substring] = [:]
    for line in text.split(separator: "\n") {
      guard let equals = line.firstIndex(of: "="), values[line[..<equals]] == nil else {
        throw Malformed(description: "line `\(line)`")
      }
      values[line[..<equals]] = line[line.index(after: equals)...]
    }
    stateDirectory = try Self.path("state-dir", values)
    runtimesDirectory = try Self.path("runtimes-dir", values)
    userIDs = try Self.userIDs(values)
    if let text = values["volume-pool"] {
      guard let count = Int(text), (0...64).contains(count) else { throw Malformed(description: "volume-pool `\(text)`") }
      volumePool = count
    }
    if let name = values["tmp-backend"] {
      guard let backend = TemporaryBackend(rawValue: String(name)) else { throw Malformed(description: "tmp-backend `\(name)`") }
      temporaryBackend = backend
    }
    diskBudget = try Self.megabytes("disk-budget", values).map { Int64($0) << 20 }
    diskReserve = try Self.megabytes("disk-reserve", values).map { UInt64($0) << 20 }
    if let name = values["cgroup-name"] {
      guard Self.isGroupName(name) else { throw Malformed(description: "cgroup-name `\(name)`") }
      controlGroupName = String(name)
    }
    if let text = values["sandbox-limit"] {
      guard let count = Int(text), (1...1_000_000).contains(count) else { throw Malformed(description: "sandbox-limit `\(text)`") }
      sandboxLimit = count
    }
    network = try NetworkSettings(values)
  }

  private static func path(_ key: Substring, _ values: [Substring: Substring]) throws(Malformed) -> String {
    guard let value = values[key] else { throw Malformed(description: "no \(key)") }
    guard value.hasPrefix("/"), !value.utf8.contains(0) else { throw Malformed(description: "\(key) `\(value)`: not an absolute path") }
    return String(value)
  }

  private static func megabytes(_ key: Substring, _ values: [Substring: Substring]) throws(Malformed) -> UInt32? {
    guard let text = values[key] else { return nil }
    guard let number = UInt32(text) else { throw Malformed(description: "\(key) `\(text)`") }
    return number
  }

  /// Never below 65,536: there are the host's own users, and `nobody`.
  private static func userIDs(_ values: [Substring: Substring]) throws(Malformed) -> ClosedRange<UInt32> {
    let text = values["uid-range"] ?? ""
    let bounds = text.split(separator: "-").compactMap { UInt32($0) }
    guard bounds.count == 2, bounds[0] <= bounds[1], bounds[0] > 65_535, bounds[1] < .max else {
      throw Malformed(description: "uid-range `\(text)`")
    }
    return bounds[0]...bounds[1]
  }

  private static func isGroupName(_ name: Substring) -> Bool {
    (1...64).contains(name.utf8.count) && name.first != "."
      && name.utf8.allSatisfy { byte in
        (48...57).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
      }
  }
}
