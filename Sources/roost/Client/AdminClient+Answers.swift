import FoundationEssentials
import NIOHTTP1

extension AdminClient {
  /// Sends `request` and decodes a 2xx answer; any other becomes the failure it stands for.
  func value<Value: Decodable>(_ request: AdminRequest) async throws(CommandFailure) -> Value {
    let response = try await success(request)
    do {
      return try JSONDecoder().decode(Value.self, from: Data(response.body))
    } catch {
      throw CommandFailure(
        .software, "cannot read the daemon's answer to \(request.method) \(request.target): \(error)",
        hint: "roost and the daemon may be of different versions: roost version")
    }
  }

  /// Sends `request`; any answer but 2xx becomes the failure it stands for.
  @discardableResult
  func success(_ request: AdminRequest) async throws(CommandFailure) -> AdminResponse {
    let response = try await send(request)
    guard (200..<300).contains(response.status) else { throw Self.failure(of: response) }
    return response
  }

  /// Both the admin paths and AWS's answer errors as JSON with `message` or `Message`; AWS's type travels in `x-amzn-ErrorType`.
  static func failure(of response: AdminResponse) -> CommandFailure {
    struct Body: Decodable {
      var message: String?
      var Message: String?
    }
    // An answer without such a body still has its status to tell.
    let body = try? JSONDecoder().decode(Body.self, from: Data(response.body))
    let type = response.headers.first(name: "x-amzn-ErrorType")
    let text = body?.message ?? body?.Message ?? "the daemon answered HTTP status \(response.status)"
    let message = type.map { "\(text) (\($0))" } ?? text
    return switch response.status {
    case 403: CommandFailure(.notPermitted, message, hint: "become root, or a member of the daemon's group")
    case 404: CommandFailure(.notFound, message)
    case 429: CommandFailure(.failed, message, hint: "too much runs at once: see roost ps")
    case 400..<500: CommandFailure(.usage, message)
    default: CommandFailure(.software, message, hint: "the daemon's log says why")
    }
  }
}

extension String {
  /// Percent-encoded for one path segment or query value: everything but RFC 3986's unreserved characters.
  var percentEncoded: String {
    let digits = Array("0123456789ABCDEF")
    return utf8.reduce(into: "") { text, byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
        text.append(Character(Unicode.Scalar(byte)))
      default:
        text += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
      }
    }
  }
}
