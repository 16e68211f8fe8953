internal import Signing
internal import Crypto
internal import FoundationEssentials
internal import FunctionModel

/// Makes and checks the URLs under which code and layers can be fetched without a signature: `Code.Location`, `Content.Location`.
///
/// Like a presigned URL it names what it opens and until when, and proves it by a MAC. The key lives as long as the process: URLs do not
/// survive a restart, and do not have to.
struct DownloadTokens: Sendable {
  static let prefix = "/artifacts/"
  /// As AWS's own URLs, in seconds.
  static let lifetime: Int64 = 600

  private let key = SymmetricKey(size: .bits256)
  let clock: TimeSource

  init(clock: TimeSource) { self.clock = clock }

  func location(of digest: ContentDigest, baseURL: String) -> String {
    let expires = clock.milliseconds() / 1_000 + Self.lifetime
    return "\(baseURL)\(Self.prefix)\(digest)?expires=\(expires)&token=\(Hexadecimal.text(code(digest, expires)))"
  }

  /// The artefact that a target opens; `nil` if it is not one of ours, is changed or has expired.
  func artifact(_ target: RequestTarget) -> ContentDigest? {
    guard target.path.hasPrefix(Self.prefix), let digest = ContentDigest(String(target.path.dropFirst(Self.prefix.count))),
      let expires = target.value("expires").flatMap(Int64.init), expires >= clock.milliseconds() / 1_000,
      let token = target.value("token"), token.utf8.count == 64
    else { return nil }
    let digits = token.utf8.compactMap(JSONScanner.hexadecimal)
    guard digits.count == 64 else { return nil }
    let bytes = stride(from: 0, to: 64, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    guard HMAC<SHA256>.isValidAuthenticationCode(bytes, authenticating: Self.text(digest, expires), using: key) else { return nil }
    return digest
  }

  private func code(_ digest: ContentDigest, _ expires: Int64) -> HMAC<SHA256>.MAC {
    HMAC<SHA256>.authenticationCode(for: Self.text(digest, expires), using: key)
  }

  private static func text(_ digest: ContentDigest, _ expires: Int64) -> [UInt8] { Array("\(digest) \(expires)".utf8) }
}
