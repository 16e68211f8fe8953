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

  @Test func `identifiers are version 4 UUIDs`() {
    let ids = (0..<1_000).map { _ in Identifier.uuid() }
    #expect(Set(ids).count == ids.count)
    for id in ids {
      let characters = Array(id)
      #expect(characters.count == 36 && characters[14] == "4" && "89ab".contains(characters[19]))
    }
  }
}
