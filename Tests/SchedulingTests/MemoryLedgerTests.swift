import FunctionModel
import Synchronization
import Testing

@testable import Scheduling

@Suite final class `Admission by memory`: Sendable {
  private let ledger = MemoryLedger(budget: .megabytes(1_024))
  private let granted = Mutex<[String]>([])

  private func claim(_ megabytes: Int, _ name: String = "") -> MemoryLedger.Answer {
    ledger.claim(.megabytes(megabytes)) { [self] in granted.withLock { $0.append(name) } }
  }

  @Test func `never passes the budget, and gives what is released to who waited first`() {
    #expect(claim(900) == .granted)
    #expect(claim(500, "first") == .waits(ticket: 1, shortfall: .megabytes(376)))
    #expect(claim(100, "second") == .waits(ticket: 2, shortfall: .megabytes(476)), "a smaller claim does not overtake")
    ledger.release(.megabytes(900))
    #expect(granted.withLock { $0 } == ["first", "second"])
    #expect(ledger.committed == .megabytes(600))
  }

  @Test func `counts what is leaving once`() {
    #expect(claim(512) == .granted && claim(512) == .granted)
    #expect(claim(1_024, "y") == .waits(ticket: 1, shortfall: .megabytes(1_024)))
    ledger.leaves("x1", holding: .megabytes(512))
    ledger.leaves("x2", holding: .megabytes(512))
    ledger.release(.megabytes(512), of: "x1")
    // x2 is on its way out, but y waits for it.
    #expect(claim(512, "z") == .waits(ticket: 2, shortfall: .megabytes(512)))
    #expect(ledger.withdraw(2))
    ledger.release(.megabytes(512), of: "x2")
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
    #expect(claim(1_025) == .impossible)
  }
}
