internal import AsyncHTTPClient
internal import FoundationEssentials
package import FunctionModel
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import Signing

/// An STS, over HTTP.
///
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
package final class SecurityTokenService: TokenService {
  private let client: HTTPClient

  /// How long one question may take, and all its repetitions.
  private static let attempt = Duration.seconds(2)
  private static let patience = Duration.seconds(6)
  private static let answerBytes = 65_536

  package init() {
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow, timeout: .init(connect: .seconds(2), read: .seconds(2)))
    configuration.httpVersion = .http1Only
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  /// To be called once, before the last reference goes.
  package func shutDown() async throws { try await client.shutdown() }

  package func assumeRole(
    _ role: String, session: String, as caller: FunctionCredentials, _ order: AssumeRole
  ) async throws(RoleCredentialFault) -> FunctionCredentials {
    let deadline = ContinuousClock.now + Self.patience
    var pause = Duration.milliseconds(100)
    while true {
      let answer = await ask(role, session, caller, order)
      switch answer {
      case .credentials(let credentials): return credentials
      case .refused(let reason): throw RoleCredentialFault("\(order.endpoint) refused: \(reason)")
      case .failed(let reason):
        guard ContinuousClock.now + pause + Self.attempt < deadline else {
          throw RoleCredentialFault("\(order.endpoint) does not answer: \(reason)")
        }
        // Only cancellation throws; then the next attempt fails at once and the deadline is the end.
        try? await Task.sleep(for: pause)
        pause = min(pause * 2, .seconds(1))
      }
    }
  }

  private enum Answer {
    case credentials(FunctionCredentials)
    /// Asking again would be answered the same.
    case refused(String)
    case failed(String)
  }

  private func ask(_ role: String, _ session: String, _ caller: FunctionCredentials, _ order: AssumeRole) async -> Answer {
    guard let request = Self.request(role, session, caller, order) else { return .refused("not a URL") }
    do {
      let response = try await client.execute(request, timeout: TimeAmount(Self.attempt))
      let body = try await response.body.collect(upTo: Self.answerBytes)
      return Self.read(status: Int(response.status.code), String(buffer: body))
    } catch let error as HTTPClientError {
      return .failed(error.shortDescription)
    } catch {
      return .failed("\(error)")
    }
  }

  private static func request(
    _ role: String, _ session: String, _ caller: FunctionCredentials, _ order: AssumeRole
  ) -> HTTPClientRequest? {
    guard let url = URL(string: order.endpoint), let scheme = url.scheme, let host = url.host() else { return nil }
    let path = url.path().isEmpty ? "/" : url.path()
    let authority = url.port.map { "\(host):\($0)" } ?? host
    let body = Array(form(role, session, order).utf8)
    var head = HTTPRequest(method: .post, scheme: scheme, authority: authority, path: path)
    head.headerFields[.contentType] = "application/x-www-form-urlencoded; charset=utf-8"
    let timestamp = CalendarTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000)).basic
    RequestSigner(
      accessKeyID: caller.accessKeyID, secretAccessKey: caller.secretAccessKey, sessionToken: caller.sessionToken,
      region: order.region, service: "sts"
    ).sign(&head, body: body, timestamp: timestamp)
    var request = HTTPClientRequest(url: "\(scheme)://\(authority)\(path)")
    request.method = .POST
    request.headers.add(name: "Host", value: authority)
    for field in head.headerFields { request.headers.add(name: field.name.rawName, value: field.value) }
    request.body = .bytes(ByteBuffer(bytes: body))
    return request
  }

  private static func form(_ role: String, _ session: String, _ order: AssumeRole) -> String {
    var items = [
      ("Action", "AssumeRole"), ("Version", "2011-06-15"), ("RoleArn", role),
      // A session's name has two characters at least, a function's one.
      ("RoleSessionName", session.utf8.count < 2 ? "roost-\(session)" : session),
      ("DurationSeconds", "\(order.duration.components.seconds)"),
    ]
    if let id = order.externalID { items.append(("ExternalId", id)) }
    return items.map { "\($0.0)=\(PercentCoding.encode($0.1.utf8))" }.joined(separator: "&")
  }

  private static func read(status: Int, _ text: String) -> Answer {
    let answer = QueryAnswer(text)
    guard status == 200 else {
      let code = answer["Code"]
      let reason = [code ?? "status \(status)", answer["Message"]].compactMap(\.self).joined(separator: ": ")
      let isTransient = status >= 500 || status == 429 || code?.contains("Throttl") == true
      return isTransient ? .failed(printable(reason)) : .refused(printable(reason))
    }
    guard let id = answer["AccessKeyId"], let secret = answer["SecretAccessKey"], let token = answer["SessionToken"],
      let expires = answer["Expiration"].flatMap(CalendarTime.milliseconds(iso:)), ![id, secret, token].contains(where: \.isNoVariable)
    else { return .refused("an answer without credentials") }
    return .credentials(FunctionCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token, expires: expires))
  }

  /// A foreign text for our log and the caller's error: one short line.
  private static func printable(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.prefix(300).map { $0.value < 32 || $0.value == 127 ? " " : $0 }))
  }
}

extension String {
  /// Nothing that an environment variable could be.
  fileprivate var isNoVariable: Bool { isEmpty || utf8.contains(0) }
}

/// The leaves of an answer in AWS's query protocol: XML in which every name that matters here occurs once.
struct QueryAnswer {
  private let text: String

  init(_ text: String) { self.text = text }

  /// The text of the first element called `name`; `nil` if there is none or it has elements of its own.
  subscript(name: String) -> String? {
    guard let start = text.firstRange(of: "<\(name)>"), let end = text[start.upperBound...].firstRange(of: "</\(name)>") else { return nil }
    let content = text[start.upperBound..<end.lowerBound]
    guard !content.contains("<") else { return nil }
    var plain = String(content)
    // The ampersand last: what it makes is not looked at again.
    for (entity, character) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")] {
      plain = plain.replacing(entity, with: character)
    }
    return plain
  }
}
