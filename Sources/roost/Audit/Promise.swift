/// One thing that Roost says of its sandboxes or of itself, held against what the kernel shows.
struct Promise: Sendable, Hashable, Encodable {
  enum Verdict: String, Sendable, Hashable, Encodable {
    case holds
    case broken
    /// The kernel or the daemon could not be asked.
    case unknown
  }

  /// What is promised, as a sentence.
  var claim: String
  var verdict: Verdict
  /// What was found; of a promise that holds, what shows it.
  var found: String

  init(_ claim: String, holds: Bool, found: String) {
    self.claim = claim
    verdict = holds ? .holds : .broken
    self.found = found
  }

  /// Kept when there is nothing that speaks against it.
  init(_ claim: String, exceptions: [String], otherwise: String) {
    self.init(claim, holds: exceptions.isEmpty, found: exceptions.isEmpty ? otherwise : exceptions.joined(separator: "; "))
  }

  static func unknown(_ claim: String, _ reason: String) -> Promise {
    var promise = Promise(claim, holds: true, found: reason)
    promise.verdict = .unknown
    return promise
  }

  static func table(of promises: [Promise]) -> TextTable {
    var table = TextTable(.left("PROMISE"), .left("VERDICT"), .left("FOUND"))
    for promise in promises { table.add(promise.claim, promise.verdict.rawValue, promise.found) }
    return table
  }
}
