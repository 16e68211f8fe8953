import FunctionModel
import HTTPTypes
import Logging
import Signing
import Synchronization
import Testing

@testable import RoleCredentials

private let role = "arn:aws:iam::123456789012:role/orders"
private let order = AssumeRole(
  endpoint: "https://sts.example", region: "eu-west-1", caller: .keys(FunctionCredentials(accessKeyID: "A", secretAccessKey: "s")),
  duration: .seconds(3_600), externalID: nil)

/// An STS with a script, and a clock that the test moves.
private final class Script: TokenService {
  private struct State {
    var now: Int64 = 1_000_000
    var asked: [String] = []
    var isDown = false
  }
  private let state = Mutex(State())

  var now: Int64 { state.withLock { $0.now } }
  var asked: [String] { state.withLock { $0.asked } }
  func pass(_ seconds: Int64) { state.withLock { $0.now += seconds * 1_000 } }
  func fail(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }

  func assumeRole(
    _ role: String, session: String, as caller: FunctionCredentials, _ order: AssumeRole
  ) async throws(RoleCredentialFault) -> FunctionCredentials {
    let (number, isDown, now) = state.withLock { state in
      state.asked.append(session)
      return (state.asked.count, state.isDown, state.now)
    }
    if isDown { throw RoleCredentialFault("down") }
    return FunctionCredentials(
      accessKeyID: "ASIA\(number)", secretAccessKey: "s", sessionToken: "t", expires: now + order.duration.components.seconds * 1_000)
  }

  func store() -> RoleCredentialStore {
    RoleCredentialStore(sources: [role: .assumeRole(order)], service: self, logger: Logger(label: "test"), now: { self.now })
  }
}

@Suite struct `Credentials of roles` {
  @Test func `a role that is not mapped has none, and nobody is asked`() async throws {
    let script = Script()
    #expect(try await script.store().credentials(role: "arn:aws:iam::123456789012:role/other", function: "f") == nil)
    #expect(script.asked == [])
  }

  @Test func `a session is asked for once per role and function, and anew when half of its life is over`() async throws {
    let script = Script()
    let store = script.store()
    #expect(try await store.credentials(role: role, function: "f")?.accessKeyID == "ASIA1")
    script.pass(1_799)
    #expect(try await store.credentials(role: role, function: "f")?.accessKeyID == "ASIA1")
    #expect(try await store.credentials(role: role, function: "g")?.accessKeyID == "ASIA2")
    script.pass(2)
    #expect(try await store.credentials(role: role, function: "f")?.accessKeyID == "ASIA3")
    #expect(script.asked == ["f", "g", "f"])
  }

  @Test func `many environments at once are one question`() async throws {
    let script = Script()
    let store = script.store()
    try await withThrowingTaskGroup { group in
      for _ in 0..<50 { group.addTask { _ = try await store.credentials(role: role, function: "f") } }
      try await group.waitForAll()
    }
    #expect(script.asked.count == 1)
  }

  @Test func `a failing STS is asked ever more rarely, and its fault is told at once`() async throws {
    let script = Script()
    let store = script.store()
    script.fail(true)
    for _ in 0..<100 { await #expect(throws: RoleCredentialFault.self) { try await store.credentials(role: role, function: "f") } }
    #expect(script.asked.count == 1)
    for (pause, asked) in [(Int64(1), 2), (1, 2), (1, 3), (3, 3), (1, 4), (30, 5), (15, 5), (1, 6), (29, 6), (1, 7)] {
      script.pass(pause)
      await #expect(throws: RoleCredentialFault.self) { try await store.credentials(role: role, function: "f") }
      #expect(script.asked.count == asked)
    }
    script.fail(false)
    script.pass(30)
    #expect(try await store.credentials(role: role, function: "f")?.accessKeyID == "ASIA8")
  }

  @Test func `a session that is still good serves while the STS fails, and not when it is over`() async throws {
    let script = Script()
    let store = script.store()
    _ = try await store.credentials(role: role, function: "f")
    script.fail(true)
    script.pass(1_801)
    #expect(try await store.credentials(role: role, function: "f")?.accessKeyID == "ASIA1")
    #expect(script.asked.count == 2)
    script.pass(1_800)
    await #expect(throws: RoleCredentialFault.self) { try await store.credentials(role: role, function: "f") }
  }

  @Test func `no text of credentials has a secret in it`() {
    let credentials = FunctionCredentials(accessKeyID: "AKIAVISIBLE", secretAccessKey: "verysecret", sessionToken: "token")
    var dumped = ""
    dump(RoleSource.keys(credentials), to: &dumped)
    for text in ["\(credentials)", String(reflecting: credentials), "\(RoleSource.keys(credentials))", dumped] {
      #expect(!text.contains("verysecret") && !text.contains("token") && !text.contains("AKIAVISIBLE"))
    }
  }
}

@Suite struct `A credentials file` {
  private let file = CredentialFile(path: "/f", profile: "mail")

  @Test func `is read by profile, with a token and an end where it has them`() throws {
    let text =
      "[default]\r\naws_access_key_id = D\r\naws_secret_access_key = d\r\n[ mail ]\r\naws_access_key_id=M\r\naws_secret_access_key=m\r\n"
    #expect(try file.parse(text) == FunctionCredentials(accessKeyID: "M", secretAccessKey: "m"))
    let session = text + "aws_session_token = t=\nx_security_token_expires = 1970-01-01T00:00:02+00:00\n"
    #expect(try file.parse(session) == FunctionCredentials(accessKeyID: "M", secretAccessKey: "m", sessionToken: "t=", expires: 2_000))
  }

  @Test(arguments: [
    ("[other]\naws_access_key_id = x", "/f has no profile mail"),
    ("[mail]\naws_access_key_id = x", "/f: profile mail lacks aws_access_key_id or aws_secret_access_key"),
    ("[mail]\nverysecret", "/f: line 2: expected [profile] or key = value"),
    (
      "[mail]\naws_access_key_id = x\naws_secret_access_key = y\nexpiration = soon",
      "/f: profile mail: expiration is no time as in 2026-01-31T12:00:00Z"
    ),
  ])
  func `that is wrong is told without its contents`(_ text: String, _ message: String) {
    #expect(throws: RoleCredentialFault(message)) { try file.parse(text) }
  }
}

@Suite struct `What an STS says` {
  @Test func `is taken from the leaves`() {
    let answer = QueryAnswer(
      "<R><C><AccessKeyId>ASIA</AccessKeyId><SessionToken>a&amp;lt;b</SessionToken></C><Open><x/></Open><Cut>")
    #expect(answer["AccessKeyId"] == "ASIA")
    #expect(answer["SessionToken"] == "a&lt;b")
    #expect(answer["Open"] == nil && answer["Cut"] == nil && answer["Missing"] == nil)
  }

  @Test func `times have AWS's two forms`() {
    #expect(CalendarTime.milliseconds(iso: "2026-01-31T23:59:59Z") == 1_769_903_999_000)
    #expect(CalendarTime.milliseconds(iso: "2026-01-31T23:59:59.123Z") == 1_769_903_999_000)
    for wrong in ["", "2026-01-31", "2026-01-31T23:59:59", "2026-01-31 23:59:59Z", "2026-13-31T23:59:59Z", "2026-01-31T23:59:59.x1Z"] {
      #expect(CalendarTime.milliseconds(iso: wrong) == nil)
    }
  }
}
