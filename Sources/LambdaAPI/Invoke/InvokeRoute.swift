package import HTTPTypes

/// A request for one of the three ways to invoke a function.
package struct InvokeRoute: Sendable, Hashable {
  package enum Operation: String, Sendable {
    case invoke = "InvokeFunction"
    /// The response comes in messages of an event stream.
    case invokeWithResponseStream = "InvokeWithResponseStream"
    /// The older way to say `Event`.
    case invokeAsync = "InvokeAsync"
  }

  package var operation: Operation
  /// The function's name as it stands in the path, still encoded.
  package var name: Substring

  /// `nil` if this is a request for something else.
  package init?(_ head: HTTPRequest) {
    guard head.method == .post, let target = head.path else { return nil }
    for path in Self.paths where target.hasPrefix(path.prefix) {
      let rest = (target.utf8.firstIndex(of: UInt8(ascii: "?")).map { target[..<$0] } ?? target[...]).dropFirst(path.prefix.count)
      guard rest.hasSuffix(path.suffix), rest.utf8.count > path.suffix.utf8.count else { continue }
      name = rest.dropLast(path.suffix.count)
      operation = path.operation
      if !name.utf8.contains(UInt8(ascii: "/")) { return }
    }
    return nil
  }

  private static let paths: [(prefix: String, suffix: String, operation: Operation)] = [
    ("/2015-03-31/functions/", "/invocations", .invoke),
    ("/2021-11-15/functions/", "/response-streaming-invocations", .invokeWithResponseStream),
    ("/2014-11-13/functions/", "/invoke-async/", .invokeAsync),
    ("/2014-11-13/functions/", "/invoke-async", .invokeAsync),
  ]
}
