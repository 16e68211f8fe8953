internal import FoundationEssentials
package import FunctionModel
package import Logging

/// The credentials of execution roles: each from where the configuration says, kept in memory, and got anew in time.
///
/// Sessions are per role and function, as on Lambda, where the session has the function's name. One that has less than half of its life left is
/// got anew for the next environment. Who cannot be answered is told so within about ten seconds; after that the store waits,
/// from one second to thirty, before it asks again, and tells the fault at once meanwhile. A session that is still good serves through that.
package actor RoleCredentialStore {
  private let sources: [String: RoleSource]
  private let service: any TokenService
  private let now: @Sendable () -> Int64
  private let logger: Logger
  private var sessions: [SessionName: Session] = [:]

  struct SessionName: Hashable {
    var role, function: String
  }

  private struct Session {
    var credentials: FunctionCredentials?
    var began: Int64 = 0
    var pending: Task<Result<FunctionCredentials, RoleCredentialFault>, Never>?
    var failures = 0
    var fault: RoleCredentialFault?
    var askAgain: Int64 = 0
  }

  /// Sessions kept; those that are over go when there are more.
  private static let capacity = 1_024
  /// A session that ends sooner is of no use any more, in milliseconds.
  private static let shortest: Int64 = 1_000

  /// - Parameters:
  ///   - sources: by role ARN.
  ///   - now: the wall clock, milliseconds since 1970.
  package init(
    sources: [String: RoleSource], service: any TokenService, logger: Logger,
    now: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1_000) }
  ) {
    self.sources = sources
    self.service = service
    self.logger = logger
    self.now = now
  }

  /// The credentials that an environment of `function` is to be started with; `nil` for a role that the configuration does not map.
  package func credentials(role: String, function: String) async throws(RoleCredentialFault) -> FunctionCredentials? {
    switch sources[role] {
    case nil: return nil
    case .keys(let credentials)?: return credentials
    case .file(let file)?: return try unexpired(await file.read(), file)
    case .assumeRole(let order)?: return try await session(SessionName(role: role, function: function), order)
    }
  }

  private func unexpired(_ credentials: FunctionCredentials, _ file: CredentialFile) throws(RoleCredentialFault) -> FunctionCredentials {
    guard isGood(credentials) else { throw RoleCredentialFault("\(file.path): profile \(file.profile) has expired") }
    return credentials
  }

  private func session(_ name: SessionName, _ order: AssumeRole) async throws(RoleCredentialFault) -> FunctionCredentials {
    let session = sessions[name, default: Session()]
    if let credentials = session.credentials, isFresh(credentials, since: session.began) { return credentials }
    if session.pending == nil, let fault = session.fault, now() < session.askAgain {
      return try keptOrFault(session.credentials, fault)
    }
    do {
      return try await (session.pending ?? begin(name, order)).value.get()
    } catch {
      return try keptOrFault(sessions[name]?.credentials, error)
    }
  }

  /// Asks, once for all who wait.
  private func begin(_ name: SessionName, _ order: AssumeRole) -> Task<Result<FunctionCredentials, RoleCredentialFault>, Never> {
    forgetSomeIfFull()
    let task = Task { [service] in
      let answer = await self.ask(name, order, service)
      self.settle(name, answer)
      return answer
    }
    sessions[name, default: Session()].pending = task
    return task
  }

  private func ask(
    _ name: SessionName, _ order: AssumeRole, _ service: any TokenService
  ) async -> Result<FunctionCredentials, RoleCredentialFault> {
    do throws(RoleCredentialFault) {
      let caller: FunctionCredentials
      switch order.caller {
      case .keys(let keys): caller = keys
      case .file(let file): caller = try unexpired(await file.read(), file)
      }
      let credentials = try await service.assumeRole(name.role, session: name.function, as: caller, order)
      guard isGood(credentials) else { throw RoleCredentialFault("\(order.endpoint) gave a session that is over already") }
      return .success(credentials)
    } catch {
      return .failure(RoleCredentialFault("role \(name.role): \(error)"))
    }
  }

  private func settle(_ name: SessionName, _ answer: Result<FunctionCredentials, RoleCredentialFault>) {
    var session = sessions[name, default: Session()]
    session.pending = nil
    switch answer {
    case .success(let credentials):
      session = Session(credentials: credentials, began: now())
    case .failure(let fault):
      logger.warning("no credentials for \(name.function): \(fault)")
      session.failures += 1
      session.fault = fault
      session.askAgain = now() + min(30_000, 1_000 << Int64(min(session.failures, 6) - 1))
    }
    sessions[name] = session
  }

  private func keptOrFault(_ kept: FunctionCredentials?, _ fault: RoleCredentialFault) throws(RoleCredentialFault) -> FunctionCredentials {
    guard let kept, isGood(kept) else { throw fault }
    return kept
  }

  private func isGood(_ credentials: FunctionCredentials) -> Bool {
    credentials.expires.map { now() + Self.shortest < $0 } ?? true
  }

  private func isFresh(_ credentials: FunctionCredentials, since began: Int64) -> Bool {
    credentials.expires.map { now() < began + ($0 - began) / 2 } ?? true
  }

  private func forgetSomeIfFull() {
    guard sessions.count >= Self.capacity else { return }
    sessions = sessions.filter { $0.value.pending != nil || $0.value.credentials.map { isGood($0) } == true }
  }
}

/// Who gives sessions of roles.
package protocol TokenService: Sendable {
  /// - Parameters:
  ///   - session: the session's name, as AWS's logs will show it.
  ///   - caller: whose request it is.
  /// - Returns: the credentials of a new session; returns or throws within about ten seconds, whatever the other side does.
  func assumeRole(
    _ role: String, session: String, as caller: FunctionCredentials, _ order: AssumeRole
  ) async throws(RoleCredentialFault) -> FunctionCredentials
}
