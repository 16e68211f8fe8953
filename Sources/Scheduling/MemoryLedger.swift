import FunctionModel
import Synchronization

/// Admission by memory: the sum of all environments' memory sizes never passes the budget.
///
/// Who finds too little may wait for environments that are on their way out. What they will give back is counted once: a later claim
/// does not rely on memory that an earlier one waits for.
final class MemoryLedger: Sendable {
  let budget: MemorySize
  private let state: Mutex<State>

  private struct State {
    var committed = MemorySize(bytes: 0)
    /// Environments that are being ended to make room, with what they hold.
    var leaving: [String: MemorySize] = [:]
    /// First come, first served.
    var waiting: [Claim] = []
    var nextTicket = 0

    func sum(_ sizes: some Sequence<MemorySize>) -> MemorySize { sizes.reduce(MemorySize(bytes: 0), +) }
  }

  private struct Claim {
    var ticket: Int
    var amount: MemorySize
    var granted: @Sendable () -> Void
  }

  enum Answer: Equatable {
    /// It is committed; the call-back is not called.
    case granted
    /// The call-back is called once enough has been released. For that `shortfall` must be freed, beyond what is leaving already.
    case waits(ticket: Int, shortfall: MemorySize)
    /// More than the whole budget.
    case impossible
  }

  init(budget: MemorySize) {
    self.budget = budget
    state = Mutex(State())
  }

  var committed: MemorySize { state.withLock { $0.committed } }

  /// Asks for `amount`. Nobody overtakes who waits already.
  func claim(_ amount: MemorySize, granted: @escaping @Sendable () -> Void) -> Answer {
    state.withLock { state in
      guard amount <= budget else { return .impossible }
      let wanted = state.committed + state.sum(state.waiting.map(\.amount)) + amount
      if state.waiting.isEmpty, wanted <= budget {
        state.committed = wanted
        return .granted
      }
      state.nextTicket += 1
      state.waiting.append(Claim(ticket: state.nextTicket, amount: amount, granted: granted))
      let shortfall = wanted - budget - state.sum(state.leaving.values)
      return .waits(ticket: state.nextTicket, shortfall: max(MemorySize(bytes: 0), shortfall))
    }
  }

  /// Gives up waiting.
  ///
  /// - Returns: false if the claim was granted in the meantime.
  func withdraw(_ ticket: Int) -> Bool {
    let (withdrawn, granted) = state.withLock { state -> (Bool, [Claim]) in
      guard let index = state.waiting.firstIndex(where: { $0.ticket == ticket }) else { return (false, []) }
      state.waiting.remove(at: index)
      return (true, grantWhatFits(&state))
    }
    for claim in granted { claim.granted() }
    return withdrawn
  }

  /// `environment` is being ended to make room.
  func leaves(_ environment: String, holding amount: MemorySize) {
    state.withLock { $0.leaving[environment] = amount }
  }

  /// Nothing more will come from `environment`.
  func hasLeft(_ environment: String) {
    state.withLock { $0.leaving[environment] = nil }
  }

  /// `environment` is gone, or was never made.
  func release(_ amount: MemorySize, of environment: String? = nil) {
    let granted = state.withLock { state in
      if let environment { state.leaving[environment] = nil }
      state.committed = state.committed - amount
      return grantWhatFits(&state)
    }
    for claim in granted { claim.granted() }
  }

  private func grantWhatFits(_ state: inout State) -> [Claim] {
    var granted = [Claim]()
    while let first = state.waiting.first, state.committed + first.amount <= budget {
      state.committed = state.committed + first.amount
      granted.append(state.waiting.removeFirst())
    }
    return granted
  }
}
