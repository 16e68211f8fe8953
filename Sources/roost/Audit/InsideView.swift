import FunctionModel

/// What ``SelfTestProbe`` says of its sandbox, from within.
struct InsideView: Sendable, Hashable, Decodable {
  /// Lines of its `status`.
  var status: [String: String]
  var userMap: String
  var namespaces: [String: String]
  /// Place, type and options.
  var mounts: [String]
  var interfaces: [String]
  var devices: [String]
  /// What must not succeed, and what must, by whether it did: `done` or `refused`.
  var attempts: [String: String]
  var allowed: [String: String]

  /// What it says, held against what the kernel shows of the same environment from outside.
  func promises(_ outside: EnvironmentSnapshot) -> [Promise] {
    [agreement(outside), refusal, use]
  }

  private func agreement(_ outside: EnvironmentSnapshot) -> Promise {
    let process = outside.others.first ?? outside.first
    var exceptions = status.filter { process.field($0.key) != $0.value }.map { "\($0.key) is \($0.value) inside" }.sorted()
    if status.isEmpty { exceptions.append("no status inside") }
    if userMap != process.userMap.flat { exceptions.append("uid_map is \(userMap) inside") }
    if namespaces.isEmpty || namespaces.contains(where: { process.namespaces[$0.key] != $0.value }) {
      exceptions.append("other namespaces")
    }
    let shown = process.mounts.map { "\($0.point) \($0.type) \($0.options.joined(separator: ","))" }
    exceptions += Set(mounts).symmetricDifference(shown).sorted().map { "seen on one side only: mount \($0)" }
    exceptions += Set(interfaces).symmetricDifference(outside.network.interfaces).sorted().map { "seen on one side only: device \($0)" }
    exceptions += Set(devices).symmetricDifference(outside.devices.keys).sorted().map { "seen on one side only: /dev/\($0)" }
    return Promise(
      "what it sees inside is what the kernel shows outside", exceptions: exceptions,
      otherwise: "privileges, namespaces, \(mounts.count) mounts, interfaces, devices")
  }

  private var refusal: Promise {
    let done = attempts.filter { $0.value != "refused" }.keys.sorted()
    return Promise(
      "what it tries inside and must not do is refused", exceptions: attempts.isEmpty ? ["it tried nothing"] : done,
      otherwise: attempts.keys.sorted().joined(separator: " "))
  }

  private var use: Promise {
    let refused = allowed.filter { $0.value != "done" }.keys.sorted()
    return Promise(
      "what a function may do inside succeeds", exceptions: allowed.isEmpty ? ["it tried nothing"] : refused,
      otherwise: allowed.keys.sorted().joined(separator: " "))
  }
}
