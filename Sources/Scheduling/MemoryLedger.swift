import FunctionModel
import Synchronization

/// Admission by memory: the sum of all environments' memory sizes never passes the budget.
final class MemoryLedger: Sendable {
  let budget: MemorySize
  private let state: Mutex<State>

  private struct State {
    var committed = MemorySize(bytes: 0)
    /// Who waits for memory that evictions will free, first come first served.
    var waiting: [Claim] = []
  }

  private struct Claim {
    var amount: MemorySize
    var granted: @Sendable () -> Void
  }

  init(budget: MemorySize) {
    self.budget = budget
    state = Mutex(State())
  }

  var committed: MemorySize { state.withLock { $0.committed } }

  /// Commits `amount` if the budget allows it, and if nobody waits for it already.
  func reserve(_ amount: MemorySize) -> Bool {
    state.withLock { state in
      guard state.waiting.isEmpty, state.committed + amount <= budget else { return false }
      state.committed = state.committed + amount
      return true
    }
  }

  /// Commits `amount` as soon as enough has been released.
  func await(_ amount: MemorySize, granted: @escaping @Sendable () -> Void) {
    state.withLock { $0.waiting.append(Claim(amount: amount, granted: granted)) }
    grantWhatFits()
  }

  func release(_ amount: MemorySize) {
    state.withLock { $0.committed = $0.committed - amount }
    grantWhatFits()
  }

  private func grantWhatFits() {
    while let claim = nextThatFits() { claim.granted() }
  }

  private func nextThatFits() -> Claim? {
    state.withLock { state in
      guard let first = state.waiting.first, state.committed + first.amount <= budget else { return nil }
      state.committed = state.committed + first.amount
      return state.waiting.removeFirst()
    }
  }
}
