import FunctionModel
import Logging
import Store

/// Host uids, one for each environment, leased durably ahead of need so that no start waits for the disk.
actor UserIDLeases {
  /// An environment's identity, made before the environment.
  struct Lease: Sendable {
    var environment: String
    var userID: UInt32
  }

  private static let ahead = 8

  private let catalog: Catalog
  private let range: ClosedRange<UInt32>
  private let logger: Logger
  private var ready: [Lease] = []
  private var isRefilling = false
  private var identifiers = IdentifierSource()

  init(catalog: Catalog, range: ClosedRange<UInt32>, logger: Logger) {
    self.catalog = catalog
    self.range = range
    self.logger = logger
  }

  func take() async throws(CatalogError) -> Lease {
    let lease: Lease
    if let last = ready.popLast() { lease = last } else { lease = try await make() }
    refill()
    return lease
  }

  func giveBack(_ userID: UInt32) async {
    do {
      try await catalog.releaseUserID(userID)
    } catch {
      // It stays leased until the next start, which takes all back.
      logger.error("uid \(userID) could not be given back: \(error)")
    }
  }

  /// Has leases ready before they are asked for.
  func refill() {
    guard !isRefilling, ready.count < Self.ahead else { return }
    isRefilling = true
    Task {
      defer { isRefilling = false }
      while ready.count < Self.ahead {
        do { ready.append(try await make()) } catch {
          return logger.error("no uid could be leased: \(error)")
        }
      }
    }
  }

  private func make() async throws(CatalogError) -> Lease {
    let environment = identifiers.uuid()
    return Lease(environment: environment, userID: try await catalog.leaseUserID(for: environment, from: range))
  }
}
