import FunctionModel
import Synchronization

/// How many invocations run at once: those of functions with a reservation up to it, all others of an account up to what the reservations
/// leave of its limit.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html>
final class ConcurrencyLedger: Sendable {
  /// A place that an invocation has taken and must give back.
  struct Place: Sendable {
    fileprivate var function: FunctionID
    fileprivate var isReserved: Bool
  }

  private struct Reservation {
    /// `nil` once it was taken away while invocations hold places of it.
    var limit: Int?
    var running = 0
  }

  private struct Account {
    /// Invocations of functions without a reservation.
    var running = 0
    var reserved = 0
    var reservations: [String: Reservation] = [:]
  }

  private let limit: Int
  private let accounts = Mutex<[Owner: Account]>([:])

  /// - Parameter limit: invocations at once in one account and region.
  init(limit: Int) { self.limit = limit }

  /// Takes a place, to be given back with ``leave(_:)``.
  func enter(_ id: FunctionID) throws(Throttled) -> Place {
    let reason = accounts.withLock { accounts -> Result<Bool, Throttled> in
      let account = accounts[id.owner, default: Account()]
      if let reservation = account.reservations[id.name], let bound = reservation.limit {
        guard reservation.running < bound else { return .failure(Throttled(reason: .reservedFunctionConcurrentInvocationLimitExceeded)) }
        accounts[id.owner]?.reservations[id.name]?.running += 1
        return .success(true)
      }
      guard account.running < limit - account.reserved else { return .failure(Throttled(reason: .concurrentInvocationLimitExceeded)) }
      accounts[id.owner, default: Account()].running += 1
      return .success(false)
    }
    return Place(function: id, isReserved: try reason.get())
  }

  func leave(_ place: Place) {
    accounts.withLock { accounts in
      let id = place.function
      guard place.isReserved else {
        accounts[id.owner]?.running -= 1
        return
      }
      accounts[id.owner]?.reservations[id.name]?.running -= 1
      Self.forgetUnused(&accounts, id)
    }
  }

  /// Sets or takes away a function's reservation. Invocations that run keep the places they have.
  func reserve(_ executions: Int?, for id: FunctionID) {
    accounts.withLock { accounts in
      var account = accounts[id.owner, default: Account()]
      var reservation = account.reservations[id.name, default: Reservation()]
      account.reserved += (executions ?? 0) - (reservation.limit ?? 0)
      reservation.limit = executions
      account.reservations[id.name] = reservation
      accounts[id.owner] = account
      Self.forgetUnused(&accounts, id)
    }
  }

  /// Invocations that hold a place, of all accounts.
  var running: Int {
    accounts.withLock { accounts in
      accounts.values.reduce(0) { $0 + $1.running + $1.reservations.values.reduce(0) { $0 + $1.running } }
    }
  }

  private static func forgetUnused(_ accounts: inout [Owner: Account], _ id: FunctionID) {
    guard let reservation = accounts[id.owner]?.reservations[id.name], reservation.limit == nil, reservation.running == 0 else { return }
    accounts[id.owner]?.reservations[id.name] = nil
  }
}

/// There is no place for one more invocation.
struct Throttled: Error, Hashable {
  var reason: ThrottleReason
}
