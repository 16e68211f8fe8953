import Glibc
import LinuxSystem
import SpawnProtocol

@testable import Spawning

/// A made sandbox in the hands of a test.
final class RunningSandbox {
  let created: CreatedSandbox
  private var descriptors: [DescriptorRole: CInt]

  init(_ created: CreatedSandbox, _ received: Received) {
    self.created = created
    descriptors = Dictionary(uniqueKeysWithValues: zip(created.roles, received.takeAll()))
  }

  deinit { for number in descriptors.values { Glibc.close(number) } }

  func number(_ role: DescriptorRole) throws -> CInt {
    guard let number = descriptors[role] else { throw SpawnerSession.Ended(reason: "no \(role)") }
    return number
  }

  func duplicate(_ role: DescriptorRole) throws -> Descriptor {
    Descriptor(owning: dup(try number(role)))
  }

  func close(_ role: DescriptorRole) {
    if let number = descriptors.removeValue(forKey: role) { Glibc.close(number) }
  }

  func start(_ words: [String], program: String = "/bin/probe", directory: String = "/var/task") throws -> InitEvent {
    try send(.start(ProgramStart(workingDirectory: directory, arguments: [program] + words, environment: ["A=1", "B=two words"])))
    return try nextInitEvent()
  }

  func send(_ request: InitRequest, passing passed: [CInt] = []) throws {
    _ = try PacketSocket.send(try request.encoded(), descriptors: passed, over: try duplicate(.control))
  }

  func nextInitEvent() throws -> InitEvent {
    try InitEvent(decoding: try receivePacket(from: try duplicate(.control), within: .limit(20)).bytes)
  }

  /// Runs the probe to its end.
  func run(_ words: [String], program: String = "/bin/probe", directory: String = "/var/task") throws -> ProbeReport {
    _ = try start(words, program: program, directory: directory)
    let output = try readOutput()
    guard case .exited(.runtime, let status) = try nextInitEvent() else { throw SpawnerSession.Ended(reason: "no exit") }
    return ProbeReport(output, status)
  }

  /// Everything up to the end of the runtime's standard output.
  func readOutput() throws -> String {
    let output = try duplicate(.standardOutput)
    let poller = try Poller()
    try poller.add(output.rawValue, for: .readable, token: 0)
    var bytes: [UInt8] = []
    while true {
      switch try output.read(into: &bytes, upTo: 65_536) {
      case .bytes: continue
      case .endOfFile: return String(decoding: bytes, as: UTF8.self)
      case .wouldBlock:
        guard try !poller.wait(timeout: .limit(60)).isEmpty else { throw SpawnerSession.Ended(reason: "output does not end") }
      }
    }
  }

  /// Whether PID 1 ends within `limit`.
  func ends(within limit: Duration = .limit(10)) throws -> Bool {
    let process = try duplicate(.process)
    let poller = try Poller()
    try poller.add(process.rawValue, for: .readable, token: 0)
    return try !poller.wait(timeout: limit).isEmpty
  }
}

/// What the probe said, and how it ended.
struct ProbeReport {
  let status: ExitStatus
  private let values: [String: [String]]

  init(_ output: String, _ status: ExitStatus) {
    self.status = status
    var values: [String: [String]] = [:]
    for line in output.split(separator: "\n") {
      guard let equals = line.firstIndex(of: "=") else { continue }
      values[String(line[..<equals]), default: []].append(String(line[line.index(after: equals)...]))
    }
    self.values = values
  }

  /// The only value of that name.
  subscript(name: String) -> String? {
    let all = values[name] ?? []
    return all.count == 1 ? all[0] : nil
  }

  func all(_ name: String) -> [String] { values[name] ?? [] }

  /// A line of /proc/self/status, as in `CapEff`.
  func status(_ name: String) -> String? {
    all("status").first { $0.hasPrefix("\(name):") }.map { String($0.dropFirst(name.utf8.count + 1).drop { $0 == "\t" || $0 == " " }) }
  }
}
