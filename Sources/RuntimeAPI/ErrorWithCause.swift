import FoundationEssentials
import NIOCore

/// A body of type `application/vnd.aws.lambda.error.cause+json`: an error, and beside it an X-Ray cause that the caller must not see.
struct ErrorWithCause: Codable {
  static let contentType = "application/vnd.aws.lambda.error.cause+json"

  /// What the caller gets instead of a body that cannot be read.
  static let invalid = ByteBuffer(string: #""Invalid error body""#)

  /// Parsing is done on the event loop that serves other sandboxes too; no stack trace is longer than this.
  private static let limit = 1 << 20

  var errorMessage: String
  var errorType: String
  var stackTrace: [String]?

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    errorMessage = try fields.decodeIfPresent(String.self, forKey: .errorMessage) ?? ""
    errorType = try fields.decodeIfPresent(String.self, forKey: .errorType) ?? ""
    stackTrace = try fields.decodeIfPresent([String].self, forKey: .stackTrace)
  }

  /// The body with its cause cut out.
  static func withoutCause(_ body: ByteBuffer) -> ByteBuffer {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard body.readableBytes <= limit,
      let error = try? JSONDecoder().decode(ErrorWithCause.self, from: Data(body.readableBytesView)),
      let bytes = try? encoder.encode(error)
    else { return invalid }  // Neither error says more than that the runtime sent something else than it declared.
    return ByteBuffer(bytes: bytes)
  }
}
