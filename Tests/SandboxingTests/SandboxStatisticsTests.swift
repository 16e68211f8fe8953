import Glibc
import LinuxSystem
import SpawnProtocol
import Testing

@testable import Sandboxing

/// Statistics beneath directories that are all one, with a group per number.
@Suite final class SandboxStatisticsTests {
  private let directory: String
  private let statistics: SandboxStatistics
  private static let files = ["memory.max_usage_in_bytes", "memory.usage_in_bytes", "memory.oom_control", "cpuacct.usage", "cpu.stat"]

  init() throws {
    var template = Array("/tmp/roost-test-XXXXXX".utf8CString)
    directory = String(cString: mkdtemp(&template))
    let numbers = TreeRole.allCases.map { [directory] _ in open(directory, O_RDONLY | O_DIRECTORY) }
    guard let received = ReceivedDescriptors(roles: TreeRole.allCases, numbers: numbers), let trees = Trees(received) else {
      preconditionFailure("each role has its descriptor")
    }
    statistics = SandboxStatistics(trees)
  }

  deinit {
    for group in 1...(2 * UInt64(SandboxStatistics.limit)) {
      for file in Self.files { unlink("\(directory)/\(group)/\(file)") }
      rmdir("\(directory)/\(group)")
    }
    rmdir(directory)
  }

  private func sandbox(_ group: UInt64) throws -> CreatedSandbox {
    mkdir("\(directory)/\(group)", 0o700)
    for file in Self.files {
      _ = try Descriptor.open("\(directory)/\(group)/\(file)", flags: O_WRONLY | O_CREAT, mode: 0o600).write("\(group)\n")
    }
    return CreatedSandbox(hostProcessID: 1, group: group, freezer: .v2, memory: .v1, cpu: .v1, roles: [], microseconds: 0)
  }

  /// Of this process, beneath the directory: other tests may run beside.
  private func openFiles() throws -> Int {
    try Descriptor.open("/proc/self/fd", flags: O_RDONLY | O_DIRECTORY).entries().filter { entry in
      var target = [CChar](repeating: 0, count: 256)
      guard readlink("/proc/self/fd/\(entry.name)", &target, 255) > 0 else { return false }
      let path = String(decoding: target.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      return path.hasPrefix(directory + "/")
    }.count
  }

  @Test func `of many sandboxes only those asked last have files open, and each is told its own`() throws {
    let each = 3
    for group in 1...(2 * UInt64(SandboxStatistics.limit)) {
      let sandbox = try sandbox(group)
      for _ in 0..<2 {
        let files = try statistics.files(of: sandbox)
        #expect(try files.cpuUsage.readText() == "\(group)\n")
      }
      #expect(try statistics.memoryUsed(by: sandbox) == "\(group)\n")
      #expect(try statistics.memoryEvents(of: sandbox) == "\(group)\n")
    }
    #expect(statistics.openCount == SandboxStatistics.limit)
    #expect(try openFiles() == each * SandboxStatistics.limit)
  }

  @Test func `what was asked again stays, and what is forgotten closes`() throws {
    let first = try sandbox(1)
    _ = try statistics.files(of: first)
    for group in 2...UInt64(SandboxStatistics.limit) + 1 {
      _ = try statistics.files(of: sandbox(group))
      let files = try statistics.files(of: first)
      #expect(try files.cpuUsage.readText() == "1\n")
    }
    #expect(statistics.openCount == SandboxStatistics.limit)
    let before = try openFiles()
    statistics.forget(first)
    #expect(try openFiles() == before - 3)
  }

  @Test func `a group that is gone is an error, a file that this kernel lacks is none`() throws {
    let sandbox = try sandbox(1)
    let files = try statistics.files(of: sandbox)
    switch files.memoryPressure {
    case .some: Issue.record("there is none")
    case nil: break
    }
    var gone = sandbox
    gone.group = 2
    #expect { try self.statistics.files(of: gone) } throws: { ($0 as? SystemError)?.errno == ENOENT }
  }
}
