internal import HTTPTypes

/// What a request's head asks of the connection.
struct RequestExpectation {
  /// `Connection: close`.
  var close = false
  /// `Expect: 100-continue`.
  var invitation: Bool
  /// `Content-Length`; 0 if not given.
  var length: Int

  init(_ head: HTTPRequest) {
    let fields = head.headerFields
    if let value = fields[.connection] {
      close = value.lowercased().split(whereSeparator: { $0 == "," || $0 == " " }).contains("close")
    }
    invitation = fields[.expect]?.lowercased() == "100-continue"
    length = fields[.contentLength].flatMap { Int($0) } ?? 0
  }
}
