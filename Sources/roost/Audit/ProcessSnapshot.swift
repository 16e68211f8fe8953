/// What the kernel shows of one process, as its files in /proc have it.
struct ProcessSnapshot: Sendable, Hashable {
  /// An open file: its number, what /proc calls it, and the mount it is on.
  struct Descriptor: Sendable, Hashable, Encodable {
    var number: Int
    var target: String
    /// `mnt_id` of its fdinfo; the kernel's own file systems (pipes, sockets, memory files) are mounted nowhere.
    var mount: Int?
  }

  /// One line of `limits`; `nil` is unlimited.
  struct Limit: Sendable, Hashable, Encodable {
    var soft: Int64?
    var hard: Int64?
  }

  /// On the host.
  var id = 0
  /// `status`
  var status = ""
  var userMap = ""
  var groupMap = ""
  var setGroups = ""
  var mountInfo = ""
  var limitsText = ""
  /// `cgroup`
  var controlGroups = ""
  /// Namespaces by name, as in `pid:[4026531836]`.
  var namespaces: [String: String] = [:]
  var descriptors: [Descriptor] = []
  /// Its files in /proc belong to itself, and not to root.
  var isDumpable = true
  /// Names of the variables it was started with; never their values.
  var variables: [String] = []
  /// Names of the variables among them that hold AWS credentials.
  static let credentialVariables = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]

  /// A line of `status`, as in `CapBnd`.
  func field(_ name: String) -> String? {
    for line in status.split(separator: "\n") where line.hasPrefix("\(name):") {
      return line.dropFirst(name.count + 1).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
    return nil
  }

  var name: String { field("Name") ?? "?" }
  /// `name (pid)`
  var description: String { "\(name) (\(id))" }

  var mounts: [MountLine] { mountInfo.split(separator: "\n").compactMap(MountLine.init) }

  /// `Max open files            1024                 1024                 files`: names have blanks, columns are two or more apart.
  var limits: [String: Limit] {
    var limits: [String: Limit] = [:]
    for line in limitsText.split(separator: "\n").dropFirst() {
      let name = line.prefix(26).split(separator: " ").joined(separator: " ")
      let values = line.dropFirst(26).split(separator: " ")
      guard values.count >= 2 else { continue }
      limits[name] = Limit(soft: Int64(values[0]), hard: Int64(values[1]))
    }
    return limits
  }
}

/// One line of mountinfo; see proc(5).
struct MountLine: Sendable, Hashable, Encodable {
  var id: Int
  var point: String
  /// Which part of the file system is mounted.
  var root: String
  var options: [String]
  var type: String
  var source: String
  var superblockOptions: [String]

  init?(_ line: Substring) {
    let fields = line.split(separator: " ")
    guard let dash = fields.firstIndex(of: "-"), dash > 5, fields.count > dash + 3, let id = Int(fields[0]) else { return nil }
    self.id = id
    root = String(fields[3])
    point = String(fields[4])
    options = fields[5].split(separator: ",").map(String.init)
    type = String(fields[dash + 1])
    source = String(fields[dash + 2])
    superblockOptions = fields[dash + 3].split(separator: ",").map(String.init)
  }

  func has(_ option: String) -> Bool { options.contains(option) }
}
