import FunctionModel
import LambdaAPI
import Testing

@Suite struct NameTests {
  static let caller = TestServer.owner

  struct Case: Sendable, CustomTestStringConvertible {
    var text: String
    var query: String? = nil
    var name: String
    var qualifier: String? = nil
    var testDescription: String { text }
  }

  @Test(arguments: [
    Case(text: "hello", name: "hello"),
    Case(text: "hello:PROD", name: "hello", qualifier: "PROD"),
    Case(text: "hello:$LATEST", name: "hello", qualifier: "$LATEST"),
    Case(text: "hello", query: "7", name: "hello", qualifier: "7"),
    Case(text: "function:hello", name: "hello"),
    Case(text: "000000000000:function:hello", name: "hello"),
    Case(text: "000000000000:hello:3", name: "hello", qualifier: "3"),
    Case(text: "us-east-1:000000000000:function:hello", name: "hello"),
    Case(text: "arn:aws:lambda:us-east-1:000000000000:function:hello", name: "hello"),
    Case(text: "arn:aws:lambda:us-east-1:000000000000:function:hello:1", query: "1", name: "hello", qualifier: "1"),
    Case(text: "arn:aws:lambda:us-east-1:000000000000:function:he.l-l_o", name: "he.l-l_o"),
    // Every part but the name is optional, so that these are names.
    Case(text: "function", name: "function"),
    Case(text: "000000000000", name: "000000000000"),
    Case(text: "us-east-1", name: "us-east-1"),
  ]) func `a function is named in many forms`(_ expected: Case) throws {
    let reference = try FunctionReference(expected.text, qualifier: expected.query, caller: Self.caller)
    #expect(reference == FunctionReference(id: FunctionID(owner: Self.caller, name: expected.name), qualifier: expected.qualifier))
  }

  @Test(arguments: [
    "", "a b", "a:b:c", "a/b", "arn:aws:s3:us-east-1:000000000000:function:hello", "arn:aws:lambda", "hello:", "hello:$X", "é",
  ])
  func `what is no function name is a validation error`(_ text: String) throws {
    let error = try #require(#expect(throws: ServiceError.self) { try FunctionReference(text, caller: Self.caller) })
    #expect(error.type == "ValidationException" && error.status == 400)
    #expect(error.message.contains("at 'functionName' failed to satisfy constraint: Member must "))
  }

  @Test func `another region is not reachable`() {
    let error = #expect(throws: ServiceError.self) {
      try FunctionReference("arn:aws:lambda:eu-west-1:000000000000:function:hello", caller: Self.caller)
    }
    #expect(error?.type == "ResourceNotFoundException")
    #expect(error?.message == "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')")
  }

  @Test func `another account is denied`() {
    let error = #expect(throws: ServiceError.self) { try FunctionReference("123456789012:function:hello", caller: Self.caller) }
    #expect(error?.type == "AccessDeniedException" && error?.status == 403)
  }

  @Test func `two qualifiers must agree`() {
    let error = #expect(throws: ServiceError.self) { try FunctionReference("hello:1", qualifier: "2", caller: Self.caller) }
    #expect(error?.message == "The derived qualifier from the function name does not match the specified qualifier.")
  }

  @Test func `several violations are reported together`() {
    let long = String(repeating: "a", count: 300) + "/"
    let error = #expect(throws: ServiceError.self) { try FunctionReference(long, caller: Self.caller) }
    #expect(error?.message.hasPrefix("2 validation errors detected: Value '\(long)' at 'functionName' failed") == true)
    #expect(error?.message.contains("; Value '\(long)' at 'functionName' failed") == true)
  }

  @Test func `a layer version is named by its ARN only`() {
    let version = LayerNaming.version("arn:aws:lambda:us-east-1:000000000000:layer:one:12")
    #expect(version?.id == LayerID(owner: Self.caller, name: "one") && version?.version == 12)
    for text in ["one", "one:1", "arn:aws:lambda:us-east-1:000000000000:layer:one", "arn:aws:lambda:us-east-1:000000000000:layer:one:x"] {
      #expect(LayerNaming.version(text) == nil)
    }
  }

  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000+0000", "Thu, 01 Jan 1970 00:00:00 GMT"),
    (951_782_400_123, "2000-02-29T00:00:00.123+0000", "Tue, 29 Feb 2000 00:00:00 GMT"),
    (1_769_862_896_999, "2026-01-31T12:34:56.999+0000", "Sat, 31 Jan 2026 12:34:56 GMT"),
    (4_102_444_799_000, "2099-12-31T23:59:59.000+0000", "Thu, 31 Dec 2099 23:59:59 GMT"),
  ]) func `a moment has AWS's form and HTTP's`(_ milliseconds: Int64, _ lambda: String, _ http: String) {
    let time = CalendarTime(milliseconds: milliseconds)
    #expect(time.lambda == lambda && time.http == http)
    #expect(CalendarTime.seconds(basic: time.basic) == milliseconds / 1_000)
  }
}
