/// The target of a request in origin form: the path as sent, and the query's items decoded.
package struct RequestTarget: Sendable, Hashable {
  package struct Item: Sendable, Hashable {
    package var name: String
    package var value: String
  }

  /// Still percent-encoded: a function ARN in it keeps its `%3A` or `%2F`, so that it is one segment.
  package var path: String
  package var query: [Item]

  package init(_ target: String) {
    guard let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) else {
      (path, query) = (target, [])
      return
    }
    path = String(target[..<mark])
    query = target[target.index(after: mark)...].split(separator: "&").map { item in
      let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return Item(name: PercentCoding.decode(parts[0]), value: parts.count > 1 ? PercentCoding.decode(parts[1]) : "")
    }
  }

  /// The first value given for `name`.
  package func value(_ name: String) -> String? { query.first { $0.name == name }?.value }

  package func values(_ name: String) -> [String] { query.filter { $0.name == name }.map(\.value) }
}
