import FunctionModel
import Hummingbird

/// Finds what the beginning of an id stands for, as people type it: exactly one, or an answer that says why not.
///
/// A whole id is always found. A beginning is searched among what lives and among the latest ``reach`` of the journal.
struct IdentifierLookup {
  var backend: any AdminBackend

  static let reach = 1_000
  /// Characters of a UUID.
  static let wholeLength = 36

  func environment(_ prefix: String) async throws -> String {
    if prefix.count >= Self.wholeLength { return prefix }
    let live = await backend.environments().map(\.id)
    let kept = try await backend.environmentRecords(limit: Self.reach).map(\.id)
    return try Self.only(prefix, in: Set(live).union(kept), noun: "environment")
  }

  func liveEnvironment(_ prefix: String) async throws -> String {
    try Self.only(prefix, in: Set(await backend.environments().map(\.id)), noun: "live environment")
  }

  func invocation(_ prefix: String) async throws -> InvocationRecord {
    if let record = try await backend.invocation(requestID: prefix) { return record }
    let latest = try await backend.invocations(function: nil, limit: Self.reach, before: nil)
    let id = try Self.only(prefix, in: Set(latest.map(\.requestID)), noun: "invocation")
    guard let record = latest.first(where: { $0.requestID == id }) else { throw Self.nothing(prefix, noun: "invocation") }
    return record
  }

  static func only(_ prefix: String, in ids: Set<String>, noun: String) throws -> String {
    let matches = ids.filter { $0.hasPrefix(prefix) }
    guard let match = matches.first else { throw nothing(prefix, noun: noun) }
    guard matches.count == 1 else {
      throw AdminFault(status: .conflict, message: "\(prefix) is the beginning of \(matches.count) \(noun)s; give more of it")
    }
    return match
  }

  private static func nothing(_ prefix: String, noun: String) -> AdminFault {
    AdminFault(status: .notFound, message: "no \(noun) \(prefix)")
  }
}
