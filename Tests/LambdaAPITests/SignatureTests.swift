import Crypto
import FoundationEssentials
import FunctionModel
import HTTPTypes
import LambdaAPI
import NIOCore
import Testing

/// Requests signed by botocore, and what becomes of them when something is changed.
@Suite struct SignatureTests {
  struct Signed: Sendable, Decodable, CustomTestStringConvertible {
    var name, method, target, host, body: String
    var headers: [String: String]

    var testDescription: String { name }

    var head: HTTPRequest {
      var fields = HTTPFields()
      for (name, value) in headers { fields[HTTPField.Name(name)!] = value }
      return HTTPRequest(
        method: .init(method)!, scheme: "http", authority: host, path: target, headerFields: fields)
    }
  }

  struct Fixture: Decodable { var requests: [Signed] }

  static let requests: [Signed] = {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/signatures.json")
    guard let data = try? Data(contentsOf: file), let fixture = try? JSONDecoder().decode(Fixture.self, from: data) else {
      fatalError("unreadable: \(file.path)")
    }
    return fixture.requests
  }()

  /// 2026-01-31T12:34:56Z, when they were signed.
  static let signed: Int64 = 1_769_862_896_000

  static func verifier(
    _ credential: Credential = TestServer.key, region: String = "us-east-1", after seconds: Int64 = 0, unsignedPayload: Bool = false
  ) -> SignatureVerifier {
    SignatureVerifier(
      credentials: CredentialStore([credential]), owner: Owner(account: "000000000000", region: region),
      allowsUnsignedPayload: unsignedPayload, clock: TimeSource { signed + seconds * 1_000 })
  }

  static func verify(_ verifier: SignatureVerifier, _ head: HTTPRequest, body: String) throws(ServiceError) -> Principal {
    let digest = SHA256.hash(data: Array(body.utf8)).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    return try verifier.begin(head).finish { digest }
  }

  /// The first fixture, with a header and a body.
  static var invoke: Signed { requests[1] }

  @Test(arguments: requests) func `botocore's signature is accepted`(_ request: Signed) throws {
    let principal = try Self.verify(Self.verifier(), request.head, body: request.body)
    #expect(principal == Principal(owner: TestServer.owner, name: TestServer.key.id))
  }

  @Test(arguments: requests) func `another secret is refused`(_ request: Signed) throws {
    let other = Credential(id: TestServer.key.id, secret: "another")
    let error = #expect(throws: ServiceError.self) { try Self.verify(Self.verifier(other), request.head, body: request.body) }
    #expect(error?.type == "InvalidSignatureException" && error?.status == 403)
  }

  @Test(arguments: requests) func `a changed body, path, query or host is refused`(_ request: Signed) throws {
    var changed: [(HTTPRequest, String)] = [(request.head, request.body + " ")]
    for target in ["/2015-03-31/functions/other", request.target + (request.target.contains("?") ? "&" : "?") + "x=1"] {
      var head = request.head
      head.path = target
      changed.append((head, request.body))
    }
    var head = request.head
    head.authority = "elsewhere"
    changed.append((head, request.body))
    for (head, body) in changed {
      let error = #expect(throws: ServiceError.self) { try Self.verify(Self.verifier(), head, body: body) }
      #expect(error?.status == 403)
    }
  }

  @Test func `an unknown access key is told so`() {
    let other = Credential(id: "AKIAOTHER", secret: TestServer.key.secret)
    let error = #expect(throws: ServiceError.self) { try Self.verify(Self.verifier(other), Self.invoke.head, body: Self.invoke.body) }
    #expect(error?.type == "UnrecognizedClientException")
    #expect(error?.message == "The security token included in the request is invalid.")
  }

  @Test func `a request without a signature lacks a token`() {
    let head = HTTPRequest(method: .get, scheme: "http", authority: "h", path: "/2015-03-31/functions")
    let error = #expect(throws: ServiceError.self) { try Self.verifier().begin(head) }
    #expect(error?.type == "MissingAuthenticationTokenException" && error?.status == 403)
  }

  @Test(arguments: [300, -300]) func `clocks may lie five minutes apart`(_ seconds: Int64) throws {
    _ = try Self.verify(Self.verifier(after: seconds), Self.invoke.head, body: Self.invoke.body)
  }

  @Test func `an old signature says both times`() {
    let error = #expect(throws: ServiceError.self) { try Self.verifier(after: 301).begin(Self.invoke.head) }
    #expect(
      error?.message
        == "Signature expired: 20260131T123456Z is now earlier than 20260131T123457Z (20260131T123957Z - 5 min.)")
  }

  @Test func `a signature from the future says both times`() {
    let error = #expect(throws: ServiceError.self) { try Self.verifier(after: -301).begin(Self.invoke.head) }
    #expect(
      error?.message
        == "Signature not yet current: 20260131T123456Z is still later than 20260131T123455Z (20260131T122955Z + 5 min.)")
  }

  @Test func `a presigned request is good until it expires`() throws {
    let request = Self.requests[6]
    _ = try Self.verify(Self.verifier(after: 899), request.head, body: "")
    #expect(throws: ServiceError.self) { try Self.verify(Self.verifier(after: 901), request.head, body: "") }
  }

  @Test func `another region is refused by name`() {
    let error = #expect(throws: ServiceError.self) { try Self.verifier(region: "eu-west-1").begin(Self.invoke.head) }
    #expect(error?.message == "Credential should be scoped to a valid region, not 'us-east-1'. This host is 'eu-west-1'.")
  }

  @Test func `an x-amz header that is not signed is refused`() {
    var head = Self.invoke.head
    head.headerFields[HTTPField.Name("X-Amz-Client-Context")!] = "e30="
    let error = #expect(throws: ServiceError.self) { try Self.verifier().begin(head) }
    #expect(error?.message == "There were headers present in the request which were not signed: x-amz-client-context")
  }

  @Test(arguments: [
    ("AWS4-HMAC-SHA256 Credential=a/b/c/d/e", "Authorization header requires 'Signature' parameter."),
    ("Basic dXNlcjpwYXNz", "Authorization header does not begin with 'AWS4-HMAC-SHA256'."),
    ("AWS4-HMAC-SHA256 nonsense", "'nonsense' not a valid key=value pair"),
    ("AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=1", "Credential must have exactly 5 slash-delimited elements"),
  ]) func `a malformed Authorization header is incomplete`(_ authorization: String, _ text: String) throws {
    var head = Self.invoke.head
    head.headerFields[.authorization] = authorization
    let error = try #require(#expect(throws: ServiceError.self) { try Self.verifier().begin(head) })
    #expect(error.type == "IncompleteSignatureException")
    #expect(error.message.contains(text))
  }

  @Test func `host must be signed`() {
    var head = Self.invoke.head
    head.headerFields[.authorization] = head.headerFields[.authorization]?.replacing("host;", with: "")
    let error = #expect(throws: ServiceError.self) { try Self.verifier().begin(head) }
    #expect(error?.message == "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
  }

  @Test func `an unsigned payload is refused unless it is allowed`() throws {
    var head = Self.invoke.head
    head.headerFields[HTTPField.Name("X-Amz-Content-Sha256")!] = "UNSIGNED-PAYLOAD"
    head.headerFields[.authorization] = head.headerFields[.authorization]?
      .replacing("host;x-amz-date", with: "host;x-amz-content-sha256;x-amz-date")
    let refused = #expect(throws: ServiceError.self) { try Self.verify(Self.verifier(), head, body: "") }
    #expect(refused?.message.hasPrefix("UNSIGNED-PAYLOAD is not accepted") == true)
    // Allowed, it goes on to the signature, which this head no longer fits.
    let mismatch = #expect(throws: ServiceError.self) { try Self.verify(Self.verifier(unsignedPayload: true), head, body: "") }
    #expect(mismatch?.message.hasPrefix("The request signature we calculated does not match") == true)
  }

  @Test func `a profile's account is its holder's account`() throws {
    let credential = Credential(id: TestServer.key.id, secret: TestServer.key.secret, account: "123456789012")
    let principal = try Self.verify(Self.verifier(credential), Self.invoke.head, body: Self.invoke.body)
    #expect(principal.owner.account == "123456789012")
  }
}
