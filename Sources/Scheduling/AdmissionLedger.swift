import FunctionModel
import Synchronization

/// Admission by memory, disk and descriptors: the sums of what all environments are promised never pass the host's budget, nor those of an account's
/// environments its part of the disk.
///
/// Who finds too little may wait for environments that are on their way out. What they will give back is counted once: a later claim
/// does not rely on what an earlier one waits for.
final class AdmissionLedger: Sendable {
  let budget: HostResources
  /// What the volumes of one account may add up to.
  let diskPerAccount: MemorySize
  private let state: Mutex<State>

  private struct State {
    var committed = HostResources.none
    var diskOfAccounts: [String: MemorySize] = [:]
    /// Environments that are being ended to make room, with what they hold.
    var leaving: [String: HostResources] = [:]
    /// First come, first served.
    var waiting: [Claim] = []
    var nextTicket = 0

    func disk(of account: String) -> MemorySize { diskOfAccounts[account] ?? MemorySize(bytes: 0) }

    mutating func commit(_ amount: HostResources, to account: String) {
      committed = committed + amount
      diskOfAccounts[account] = disk(of: account) + amount.disk
    }
  }

  private struct Claim {
    var ticket: Int
    var amount: HostResources
    var account: String
    var granted: @Sendable () -> Void
  }

  enum Answer: Equatable {
    /// It is committed; the call-back is not called.
    case granted
    /// The call-back is called once enough has been released. For that `shortfall` must be freed, beyond what is leaving already.
    case waits(ticket: Int, shortfall: HostResources)
    /// More than the whole budget has, and of what.
    case impossible(Lack)
  }

  enum Lack: Equatable { case memory, disk }

  init(budget: HostResources, diskPerAccount: MemorySize? = nil) {
    self.budget = budget
    self.diskPerAccount = diskPerAccount ?? budget.disk
    state = Mutex(State())
  }

  var committed: HostResources { state.withLock { $0.committed } }

  /// Asks for `amount`. Nobody overtakes who waits already, unless that one waits for his own account's disk.
  func claim(_ amount: HostResources, for account: String, granted: @escaping @Sendable () -> Void) -> Answer {
    state.withLock { state in
      if amount.memory > budget.memory { return .impossible(.memory) }
      if amount.disk > min(budget.disk, diskPerAccount) { return .impossible(.disk) }
      let isNext = state.waiting.allSatisfy { $0.account != account && isOverdrawn($0.account, by: $0.amount, state) }
      if isNext, fits(amount, account, state) {
        state.commit(amount, to: account)
        return .granted
      }
      state.nextTicket += 1
      let missing = shortfall(amount, account, state)
      state.waiting.append(Claim(ticket: state.nextTicket, amount: amount, account: account, granted: granted))
      return .waits(ticket: state.nextTicket, shortfall: missing)
    }
  }

  private func fits(_ amount: HostResources, _ account: String, _ state: State) -> Bool {
    (state.committed + amount).fits(in: budget) && !isOverdrawn(account, by: amount, state)
  }

  private func isOverdrawn(_ account: String, by amount: HostResources, _ state: State) -> Bool {
    state.disk(of: account) + amount.disk > diskPerAccount
  }

  private func shortfall(_ amount: HostResources, _ account: String, _ state: State) -> HostResources {
    let leaving = state.leaving.values.reduce(.none, +)
    var missing = state.waiting.reduce(state.committed + amount) { $0 + $1.amount } - budget - leaving
    let ownDisk = state.waiting.reduce(state.disk(of: account) + amount.disk) { $1.account == account ? $0 + $1.amount.disk : $0 }
    missing.disk = max(missing.disk, ownDisk - diskPerAccount - leaving.disk)
    return missing.positive
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
  func leaves(_ environment: String, holding amount: HostResources) {
    state.withLock { $0.leaving[environment] = amount }
  }

  /// Nothing more will come from `environment`.
  func hasLeft(_ environment: String) {
    state.withLock { $0.leaving[environment] = nil }
  }

  /// `environment` is gone, or was never made.
  func release(_ amount: HostResources, for account: String, of environment: String? = nil) {
    let granted = state.withLock { state in
      if let environment { state.leaving[environment] = nil }
      state.committed = state.committed - amount
      state.diskOfAccounts[account] = state.disk(of: account) - amount.disk
      return grantWhatFits(&state)
    }
    for claim in granted { claim.granted() }
  }

  /// Who waits for his own account's disk holds up nobody else's.
  private func grantWhatFits(_ state: inout State) -> [Claim] {
    var granted = [Claim]()
    var index = 0
    while index < state.waiting.count {
      let claim = state.waiting[index]
      guard (state.committed + claim.amount).fits(in: budget) else { break }
      if fits(claim.amount, claim.account, state) {
        state.commit(claim.amount, to: claim.account)
        granted.append(state.waiting.remove(at: index))
      } else {
        index += 1
      }
    }
    return granted
  }
}
