import FoundationEssentials
import Hummingbird
import NIOCore

/// An answer that is not success: a status and a sentence for the person at the command line.
struct AdminFault: Error, Sendable {
  var status: HTTPResponse.Status
  var message: String

  /// `{"message": …}`
  var response: Response {
    // Encoding a dictionary of strings cannot fail; the status speaks for itself if it did.
    let body = (try? JSONEncoder().encode(["message": message])) ?? Data()
    return .json(body, status: status)
  }
}

extension Response {
  static func json(_ body: Data, status: HTTPResponse.Status = .ok) -> Response {
    Response(status: status, headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(bytes: body)))
  }

  static func json(_ value: some Encodable) throws -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return .json(try encoder.encode(value))
  }
}
