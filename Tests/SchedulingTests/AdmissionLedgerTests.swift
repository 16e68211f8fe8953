import FunctionModel
import Synchronization
import Testing

@testable import Scheduling

@Suite final class `Admission by memory`: Sendable {
  private let ledger = AdmissionLedger(budget: megabytes(1_024, disk: 1 << 20))
  private let granted = Mutex<[String]>([])

  private func claim(_ memory: Int, _ name: String = "") -> AdmissionLedger.Answer {
    ledger.claim(megabytes(memory), for: "a") { [self] in granted.withLock { $0.append(name) } }
  }

  private func release(_ memory: Int, of environment: String? = nil) {
    ledger.release(megabytes(memory), for: "a", of: environment)
  }

  @Test func `never passes the budget, and gives what is released to who waited first`() {
    #expect(claim(900) == .granted)
    #expect(claim(500, "first") == .waits(ticket: 1, shortfall: megabytes(376)))
    #expect(claim(100, "second") == .waits(ticket: 2, shortfall: megabytes(476)), "a smaller claim does not overtake")
    release(900)
    #expect(granted.withLock { $0 } == ["first", "second"])
    #expect(ledger.committed == megabytes(600))
  }

  @Test func `counts what is leaving once`() {
    #expect(claim(512) == .granted && claim(512) == .granted)
    #expect(claim(1_024, "y") == .waits(ticket: 1, shortfall: megabytes(1_024)))
    ledger.leaves("x1", holding: megabytes(512))
    ledger.leaves("x2", holding: megabytes(512))
    release(512, of: "x1")
    // x2 is on its way out, but y waits for it.
    #expect(claim(512, "z") == .waits(ticket: 2, shortfall: megabytes(512)))
    #expect(ledger.withdraw(2))
    release(512, of: "x2")
    #expect(granted.withLock { $0 } == ["y"])
    #expect(!ledger.withdraw(1), "it has been granted")
  }

  @Test func `lets who waits behind a withdrawn claim have what fits`() {
    #expect(claim(600) == .granted)
    _ = claim(1_000, "large")
    _ = claim(400, "small")
    #expect(ledger.withdraw(1))
    #expect(granted.withLock { $0 } == ["small"])
  }

  @Test func `says at once what can never fit`() {
    #expect(claim(1_025) == .impossible(.memory))
  }
}

@Suite struct `Admission by descriptors` {
  @Test func `what can be held bounds the environments, and an idle one makes room`() {
    let ledger = AdmissionLedger(budget: megabytes(1 << 20, environments: 2))
    let one = megabytes(128, environments: 1)
    #expect(ledger.claim(one, for: "a") {} == .granted)
    #expect(ledger.claim(one, for: "a") {} == .granted)
    #expect(ledger.claim(one, for: "b") {} == .waits(ticket: 1, shortfall: megabytes(0, environments: 1)))
    ledger.release(one, for: "a")
    #expect(ledger.committed == megabytes(256, environments: 2))
  }

  @Test(arguments: [(1_024, 21), (20_000, 1_282), (524_288, 43_306), (64, 1)])
  func `the bound follows from the limit, and keeps some for clients`(_ descriptors: Int, _ environments: Int) {
    #expect(HostResources.environments(descriptors: descriptors) == environments)
    #expect(descriptors < 1_024 || environments * 9 + 448 < descriptors * 3 / 4)
  }
}

@Suite final class `Admission by disk`: Sendable {
  private let ledger = AdmissionLedger(budget: megabytes(1 << 20, disk: 4_096), diskPerAccount: .megabytes(2_048))
  private let granted = Mutex<[String]>([])

  private func claim(_ disk: Int, _ account: String, _ name: String = "") -> AdmissionLedger.Answer {
    ledger.claim(megabytes(128, disk: disk), for: account) { [self] in granted.withLock { $0.append(name) } }
  }

  @Test func `what volumes may grow to never passes the host's budget`() {
    for account in ["a", "b", "c"] { #expect(claim(1_024, account) == .granted) }
    #expect(claim(2_048, "d", "d") == .waits(ticket: 1, shortfall: megabytes(0, disk: 1_024)))
    ledger.release(megabytes(128, disk: 1_024), for: "a")
    #expect(granted.withLock { $0 } == ["d"])
    #expect(ledger.committed == megabytes(384, disk: 4_096))
  }

  @Test func `an account that has used up its part waits, and holds up nobody else`() {
    #expect(claim(2_048, "a") == .granted)
    #expect(claim(512, "a", "more") == .waits(ticket: 1, shortfall: megabytes(0, disk: 512)))
    #expect(claim(512, "b") == .granted)
    #expect(claim(512, "a", "third") == .waits(ticket: 2, shortfall: megabytes(0, disk: 1_024)))
    ledger.release(megabytes(128, disk: 2_048), for: "a")
    #expect(granted.withLock { $0 } == ["more", "third"])
  }

  @Test func `a volume larger than all that there is, or than an account may have, is refused at once`() {
    #expect(claim(5_000, "a") == .impossible(.disk))
    #expect(claim(2_049, "a") == .impossible(.disk))
  }
}

private func megabytes(_ memory: Int, disk: Int = 0, environments: Int = 0) -> HostResources {
  HostResources(memory: .megabytes(memory), disk: .megabytes(disk), environments: environments)
}
