import NIOCore
import NIOHTTP1
import Testing

@testable import RuntimeAPI

@Suite struct FunctionErrorTypeTests {
  @Test(arguments: [
    ("Runtime.ImportModuleError", "Runtime.ImportModuleError"), ("Function.Broken", "Function.Broken"), ("Function.Ab", "Function.Ab"),
    ("Function.A", "Function.Unknown"), ("Function.broken", "Function.Unknown"), ("Function.Has Space", "Function.Unknown"),
    ("Function.", "Function.Unknown"), ("Function.E2", "Function.Unknown"), ("Function.Größe", "Function.Unknown"),
    ("Runtime.exit", "Runtime.Unknown"), ("Runtime.Exit.Error", "Runtime.Unknown"), ("Function<StandardError>", "Runtime.Unknown"),
    ("Extension.InitError", "Runtime.Unknown"), ("xFunction.Broken", "Runtime.Unknown"), ("", "Runtime.Unknown"),
  ]) func `an error type is classified`(sent: String, kept: String) {
    #expect(FunctionErrorType(sent).classified == kept)
  }

  @Test func `an absent error type is unknown`() {
    #expect(FunctionErrorType(nil).classified == "Runtime.Unknown")
  }
}

@Suite struct InvocationNonceTests {
  @Test func `a nonce is written as a version 4 UUID and read back in either case`() {
    let nonce = InvocationNonce(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)
    var buffer = ByteBuffer()
    nonce.write(into: &buffer)
    let text = String(buffer: buffer)
    #expect(text == "01234567-89ab-4def-bedc-ba9876543210")
    #expect(InvocationNonce(parsing: text) == nonce)
    #expect(InvocationNonce(parsing: text.uppercased()) == nonce)
  }

  @Test(arguments: [
    "", "01234567-89ab-4def-bedc-ba987654321", "01234567-89ab-4def-bedc-ba98765432100", "01234567089ab-4def-bedc-ba9876543210",
    "g1234567-89ab-4def-bedc-ba9876543210", "01234567-89ab-4def-bedc-ba98765432é", "--------------------------------------",
  ]) func `anything else is not a nonce`(text: String) {
    #expect(InvocationNonce(parsing: text) == nil)
  }

  @Test func `a generator does not repeat itself and two generators differ`() {
    var (one, two) = (InvocationNonceGenerator(), InvocationNonceGenerator())
    let all = (0..<1_000).flatMap { _ in [one.nonce(), two.nonce()] }.map { nonce in
      var buffer = ByteBuffer()
      nonce.write(into: &buffer)
      return String(buffer: buffer)
    }
    #expect(Set(all).count == 2_000)
  }
}

@Suite struct ErrorWithCauseTests {
  @Test(arguments: [
    (
      #"{"errorMessage":"m","errorType":"t","stackTrace":["a"],"errorCause":{"x":[1]}}"#,
      #"{"errorMessage":"m","errorType":"t","stackTrace":["a"]}"#
    ),
    (#"{"errorCause":"x"}"#, #"{"errorMessage":"","errorType":""}"#),
    (#"{"errorMessage":null,"other":1}"#, #"{"errorMessage":"","errorType":""}"#),
    (#"{"errorMessage":"a\"b\\ü\n/"}"#, #"{"errorMessage":"a\"b\\ü\n/","errorType":""}"#),
    ("", #""Invalid error body""#), ("[]", #""Invalid error body""#), (#"{"errorMessage":1}"#, #""Invalid error body""#),
    (#"{"stackTrace":"a"}"#, #""Invalid error body""#), (#"{"errorMessage":"m""#, #""Invalid error body""#),
    (String(repeating: "[", count: 100_000), #""Invalid error body""#),
    ("{\"errorMessage\":\"" + String(repeating: "m", count: 1 << 20) + "\"}", #""Invalid error body""#),
  ]) func `the cause is cut out of`(body: String, kept: String) {
    #expect(String(buffer: ErrorWithCause.withoutCause(ByteBuffer(string: body))) == kept)
  }
}

@Suite struct RuntimeRouteTests {
  @Test(arguments: [
    (HTTPMethod.GET, "/2018-06-01/runtime/invocation/next", RuntimeRoute.next),
    (.GET, "/2018-06-01/runtime/invocation/next?x", .next),
    (.POST, "/2018-06-01/runtime/invocation/a-b/response", .response(requestID: "a-b")),
    (.POST, "/2018-06-01/runtime/invocation/a-b/error", .error(requestID: "a-b")),
    (.POST, "/2018-06-01/runtime/invocation//error", .error(requestID: "")),
    (.POST, "/2018-06-01/runtime/invocation/next/response", .response(requestID: "next")),
    (.POST, "/2018-06-01/runtime/init/error", .initError), (.GET, "/2018-06-01/ping", .ping),
    (.HEAD, "/2018-06-01/runtime/invocation/next", .wrongMethod(allowed: "GET")),
    (.GET, "/2018-06-01/runtime/invocation/a/b/error", .unknown), (.POST, "/2018-06-01/runtime/invocation/response", .unknown),
    (.GET, "/2018-06-01/runtime/invocation/", .unknown), (.GET, "/2018-06-01/runtime/invocation/next/", .unknown),
    (.GET, "2018-06-01/ping", .unknown), (.GET, "*", .unknown), (.GET, "", .unknown),
  ]) func `a request line asks for`(method: HTTPMethod, uri: String, route: RuntimeRoute) {
    #expect(RuntimeRoute(method, uri: uri) == route)
  }
}
