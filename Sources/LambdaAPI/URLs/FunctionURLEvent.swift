internal import FoundationEssentials
internal import FunctionModel
internal import HTTPTypes
internal import NIOCore
internal import Signing

/// An HTTP request as a function gets it through its URL: payload format 2.0.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-request-payload>
struct FunctionURLEvent {
  var urlID: String
  var region: String
  var head: HTTPRequest
  /// Still percent-encoded, without what leads to the URL.
  var target: String
  var body: ByteBuffer
  var sourceIP: String
  var requestID: String
  /// Milliseconds since 1970.
  var time: Int64
  /// `nil` where nobody is asked who he is.
  var caller: Principal?

  var json: JSONValue {
    let target = RequestTarget(self.target)
    let mark = self.target.firstIndex(of: "?")
    var object = JSONObject()
    object.add("version", "2.0")
    object.add("routeKey", "$default")
    object.add("rawPath", .string(PercentCoding.decode(target.path[...])))
    object.add("rawQueryString", .string(mark.map { String(self.target[self.target.index(after: $0)...]) } ?? ""))
    let cookies = head.headerFields[values: .cookie].flatMap { $0.split(separator: ";") }.map { String($0.trimmingPrefix(" ")) }
    if !cookies.isEmpty { object.add("cookies", .strings(cookies)) }
    object.add("headers", .map(headers))
    if !target.query.isEmpty {
      object.add("queryStringParameters", .map(Dictionary(target.query.map { ($0.name, $0.value) }) { "\($0),\($1)" }))
    }
    object.add("requestContext", context(path: PercentCoding.decode(target.path[...])))
    addBody(to: &object)
    return .object(object)
  }

  /// Names in lower case; a field that comes twice is joined with a comma.
  private var headers: [String: String] {
    var headers: [String: String] = [:]
    for field in head.headerFields where field.name != .cookie {
      headers[field.name.canonicalName, default: ""] += (headers[field.name.canonicalName] == nil ? "" : ",") + field.value
    }
    headers["host"] = domain
    headers["x-forwarded-for"] = sourceIP
    return headers
  }

  private var domain: String { head.authority ?? "" }

  private func context(path: String) -> JSONValue {
    let http: JSONValue = [
      "method": .string(head.method.rawValue), "path": .string(path), "protocol": "HTTP/1.1", "sourceIp": .string(sourceIP),
      "userAgent": .string(head.headerFields[.userAgent] ?? ""),
    ]
    var object = JSONObject()
    object.add("accountId", .string(caller?.owner.account ?? "anonymous"))
    object.add("apiId", .string(urlID))
    if let caller {
      let iam: JSONValue = [
        "accessKey": .string(caller.name), "accountId": .string(caller.owner.account), "callerId": .string(caller.name),
        "userArn": .string("arn:aws:iam::\(caller.owner.account):root"), "userId": .string(caller.name),
      ]
      object.add("authorizer", ["iam": iam])
    }
    object.add("domainName", .string(domain))
    object.add("domainPrefix", .string(urlID))
    object.add("http", http)
    object.add("requestId", .string(requestID))
    object.add("routeKey", "$default")
    object.add("stage", "$default")
    object.add("time", .string(CalendarTime(milliseconds: time).commonLog))
    object.add("timeEpoch", .integer(time))
    return .object(object)
  }

  /// What says that it is text and is, goes as text.
  private func addBody(to object: inout JSONObject) {
    guard body.readableBytes > 0 else { return object.add("isBase64Encoded", .bool(false)) }
    let type = head.headerFields[.contentType]?.lowercased() ?? ""
    let isText =
      type.hasPrefix("text/") || ["application/json", "application/javascript", "application/xml"].contains { type.hasPrefix($0) }
      || type.contains("+json") || type.contains("+xml")
    if isText, let text = body.getString(at: body.readerIndex, length: body.readableBytes), text.utf8.elementsEqual(body.readableBytesView)
    {
      object.add("body", .string(text))
      object.add("isBase64Encoded", .bool(false))
    } else {
      object.add("body", .string(Data(body.readableBytesView).base64EncodedString()))
      object.add("isBase64Encoded", .bool(true))
    }
  }
}

extension CalendarTime {
  /// `12/Mar/2020:19:03:58 +0000`
  fileprivate var commonLog: String {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(two(day))/\(months[month - 1])/\(year):\(two(hour)):\(two(minute)):\(two(second)) +0000"
  }
}
