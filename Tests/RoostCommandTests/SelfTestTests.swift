import FoundationEssentials
import FunctionModel
import LinuxSystem
import Testing

@testable import roost

/// What the self-test's function says, held against the environment as it was recorded.
@Suite struct SelfTestTests {
  private static let view: InsideView = {
    let runtime = Recorded.environment.others[0]
    return InsideView(
      status: ["CapEff": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2"], userMap: "993 200017 1", namespaces: runtime.namespaces,
      mounts: runtime.mounts.map { "\($0.point) \($0.type) \($0.options.joined(separator: ","))" },
      interfaces: ["lo"], devices: Recorded.environment.devices.keys.sorted(), attempts: ["write:/etc": "refused"],
      allowed: ["write:/tmp": "done"])
  }()

  @Test func `two views of one environment that agree keep every promise`() {
    #expect(Self.view.promises(Recorded.environment).map(\.verdict) == [.holds, .holds, .holds])
  }

  static let breaches: [(String, Int, @Sendable (inout InsideView) -> Void)] = [
    ("a capability", 0, { $0.status["CapEff"] = "0000000000000001" }), ("no status", 0, { $0.status = [:] }),
    ("another map", 0, { $0.userMap = "0 0 4294967295" }), ("the host's network", 0, { $0.namespaces["net"] = "net:[1]" }),
    ("no namespaces", 0, { $0.namespaces = [:] }), ("a mount more", 0, { $0.mounts.append("/sys sysfs ro") }),
    ("a mount less", 0, { $0.mounts.removeLast() }), ("a device of the network", 0, { $0.interfaces.append("eth0") }),
    ("a disk", 0, { $0.devices.append("sda") }), ("it wrote", 1, { $0.attempts["write:/etc"] = "done" }),
    ("it tried nothing", 1, { $0.attempts = [:] }), ("no place to write", 2, { $0.allowed["write:/tmp"] = "refused" }),
    ("no use", 2, { $0.allowed = [:] }),
  ]

  @Test(arguments: breaches.indices)
  func `each difference breaks its promise and no other`(index: Int) {
    let (breach, promise, change) = Self.breaches[index]
    var view = Self.view
    change(&view)
    let broken = view.promises(Recorded.environment).enumerated().filter { $0.element.verdict == .broken }.map(\.offset)
    #expect(broken == [promise], "\(breach)")
  }

  @Test func `the probe is made for a runtime that is there`() {
    #expect(SelfTestProbe.runtime(among: ["provided.al2023", "python3.11"]) == "provided.al2023")
    #expect(SelfTestProbe.runtime(among: ["nodejs20.x", "python3.11"]) == "python3.11")
    #expect(SelfTestProbe.runtime(among: ["nodejs20.x"]) == nil)
  }
}
