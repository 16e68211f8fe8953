import FunctionModel
import Testing

@testable import Scheduling

@Suite struct ConcurrencyLedgerTests {
  private let owner = Owner(account: "000000000000", region: "us-east-1")

  private func id(_ name: String, of owner: Owner? = nil) -> FunctionID { FunctionID(owner: owner ?? self.owner, name: name) }

  private func reason(_ ledger: ConcurrencyLedger, _ id: FunctionID) -> ThrottleReason? {
    do throws(Throttled) {
      _ = try ledger.enter(id)
      return nil
    } catch { return error.reason }
  }

  @Test func `functions share an account's limit, and accounts do not share theirs`() throws {
    let ledger = ConcurrencyLedger(limit: 2)
    let first = try ledger.enter(id("a"))
    #expect(reason(ledger, id("b")) == nil)
    #expect(reason(ledger, id("b")) == .concurrentInvocationLimitExceeded)
    #expect(reason(ledger, id("b", of: Owner(account: "111111111111", region: "us-east-1"))) == nil)
    #expect(reason(ledger, id("b", of: Owner(account: owner.account, region: "eu-west-1"))) == nil)
    ledger.leave(first)
    #expect(reason(ledger, id("b")) == nil && ledger.running == 4)
  }

  @Test func `a reservation is a cap and a guarantee`() throws {
    let ledger = ConcurrencyLedger(limit: 3)
    ledger.reserve(2, for: id("kept"))
    #expect(reason(ledger, id("other")) == nil)
    #expect(reason(ledger, id("other")) == .concurrentInvocationLimitExceeded, "two of three are kept")
    #expect(reason(ledger, id("kept")) == nil && reason(ledger, id("kept")) == nil)
    #expect(reason(ledger, id("kept")) == .reservedFunctionConcurrentInvocationLimitExceeded)
  }

  @Test func `nothing runs of what has none reserved`() {
    let ledger = ConcurrencyLedger(limit: 3)
    ledger.reserve(0, for: id("off"))
    #expect(reason(ledger, id("off")) == .reservedFunctionConcurrentInvocationLimitExceeded)
    ledger.reserve(nil, for: id("off"))
    #expect(reason(ledger, id("off")) == nil)
  }

  @Test func `a place is given back where it was taken, whatever was reserved since`() throws {
    let ledger = ConcurrencyLedger(limit: 2)
    let before = try ledger.enter(id("f"))
    ledger.reserve(1, for: id("f"))
    let reserved = try ledger.enter(id("f"))
    ledger.reserve(nil, for: id("f"))
    ledger.leave(reserved)
    #expect(ledger.running == 1)
    ledger.reserve(1, for: id("f"))
    ledger.leave(before)
    #expect(ledger.running == 0)
    #expect(reason(ledger, id("f")) == nil && reason(ledger, id("f")) == .reservedFunctionConcurrentInvocationLimitExceeded)
    #expect(reason(ledger, id("g")) == nil && reason(ledger, id("g")) == .concurrentInvocationLimitExceeded)
  }
}
