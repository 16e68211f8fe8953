import FoundationEssentials
import NIOCore
import NIOHTTP1

/// How a runtime says, behind a chunked response, that it failed while it made it.
///
/// Go's client declares both trailers with every response and sends them empty when all went well.
struct ResponseTrailers {
  var type: FunctionErrorType
  var payload: ByteBuffer

  /// `nil` if the trailers tell of no error.
  init?(_ trailers: HTTPHeaders?) {
    guard let sent = trailers?.first(name: "Lambda-Runtime-Function-Error-Type"), !sent.isEmpty else { return nil }
    type = FunctionErrorType(sent)
    let body = trailers?.first(name: "Lambda-Runtime-Function-Error-Body") ?? ""
    payload = Data(base64Encoded: body).map { ByteBuffer(bytes: $0) } ?? ErrorWithCause.invalid
  }
}
