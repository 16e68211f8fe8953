import FunctionModel
import Synchronization
import Testing

@testable import Scheduling

@Suite struct `Admission by memory` {
  @Test func `never passes the budget, and gives what is released to who waited first`() {
    let ledger = MemoryLedger(budget: .megabytes(300))
    #expect(ledger.reserve(.megabytes(200)))
    #expect(!ledger.reserve(.megabytes(101)))
    let granted = Mutex<[Int]>([])
    ledger.await(.megabytes(150)) { granted.withLock { $0.append(1) } }
    ledger.await(.megabytes(50)) { granted.withLock { $0.append(2) } }
    #expect(granted.withLock { $0 } == [], "a smaller claim does not overtake")
    #expect(!ledger.reserve(.megabytes(1)), "nor does one that does not wait")
    ledger.release(.megabytes(200))
    #expect(granted.withLock { $0 } == [1, 2])
    #expect(ledger.committed == .megabytes(200))
  }
}
