import FoundationEssentials
import FunctionModel
import NIOHTTP1

/// `roost audit --self-test`: deploys a function that looks around, asks it, audits its environment, and removes it again.
struct SelfTest: Sendable {
  var client: AdminClient
  var daemon: HostFacts
  /// Two may be under way at a time.
  let name = "roost-self-test-\(String(UInt32.random(in: 0...UInt32.max), radix: 16))"

  /// The environment as the kernel showed it, and what its function said.
  func run() async throws -> EnvironmentAudit {
    do {
      try await deploy()
      let audit = try await audit()
      try await remove()
      return audit
    } catch {
      // The first failure is the one to tell; what could not be removed is named by it.
      do { try await remove() } catch { Terminal.standard.say("\(name) could not be removed: \(error)") }
      throw error
    }
  }

  private func deploy() async throws {
    guard let runtime = SelfTestProbe.runtime(among: daemon.runtimes) else {
      throw CommandFailure(
        .failed, "the self-test needs the image provided.al2023 or python3.11", hint: "tools/build-rootfs provided.al2023")
    }
    let zip = Data(try SelfTestProbe.zip(for: runtime)).base64EncodedString()
    _ = try await client.createFunction([
      "FunctionName": .string(name), "Role": .string(FunctionsCreateCommand.defaultRole), "Runtime": .string(runtime),
      "Handler": .string("app.handler"), "MemorySize": .integer(512), "Timeout": .integer(120), "Code": .object(["ZipFile": .string(zip)]),
    ])
    _ = try await client.settled(name)
  }

  private func audit() async throws -> EnvironmentAudit {
    let address = daemon.endpoint.dropFirst("http://".count)
    let answer = try await client.invoke(name, payload: Array("\"\(address)\"".utf8), wantsLog: false)
    guard answer.headers.first(name: "X-Amz-Function-Error") == nil,
      let view = try? JSONDecoder().decode(InsideView.self, from: Data(answer.body))
    else {
      throw CommandFailure(
        .failed, "the function of the self-test failed: \(PrintableText.line(String(decoding: answer.body, as: UTF8.self)))")
    }
    guard let status = try await live().first, let process = status.hostProcessID else {
      throw CommandFailure(.failed, "the environment of the self-test has ended already", hint: "roost ps")
    }
    let snapshot = EnvironmentSnapshot(of: status, first: process, daemon: daemon)
    var audit = EnvironmentAudit(snapshot)
    audit.promises += view.promises(snapshot)
    return audit
  }

  private func live() async throws -> [EnvironmentStatus] {
    try await client.environments().filter { $0.function.name == name }
  }

  /// With its environments: the function is gone at once, they take a moment.
  private func remove() async throws {
    do {
      try await client.deleteFunction(name)
    } catch {
      guard error.status == .notFound else { throw error }  // otherwise it was never made
    }
    let deadline = ContinuousClock.now + .seconds(60)
    while true {
      let left = try await live()
      if left.isEmpty { return }
      guard ContinuousClock.now < deadline else {
        throw CommandFailure(.failed, "an environment of \(name) does not end", hint: "roost ps")
      }
      // No call of the daemon waits for the end of an environment.
      try await Task.sleep(for: .milliseconds(50))
    }
  }
}
