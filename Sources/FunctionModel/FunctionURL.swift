/// The HTTP endpoint of a function or of one of its aliases.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html>
package struct FunctionURL: FunctionSetting {
  package static var kind: String { "url" }

  /// Who may be sent what by browsers; members that are `nil` were not given.
  package struct CORS: Sendable, Hashable, Codable {
    package var allowCredentials: Bool?
    package var allowHeaders: [String]?
    package var allowMethods: [String]?
    package var allowOrigins: [String]?
    package var exposeHeaders: [String]?
    /// Seconds.
    package var maxAge: Int?

    package init() {}
  }

  /// The first label of its host name: 32 letters and digits.
  package var id: String
  /// `AWS_IAM` rather than `NONE`.
  package var needsSignature: Bool
  package var cors: CORS?
  /// `BUFFERED` or `RESPONSE_STREAM`; `nil` if not given.
  package var invokeMode: String?
  /// Milliseconds since 1970.
  package var created: Int64
  package var lastModified: Int64

  package init(id: String, needsSignature: Bool, cors: CORS?, invokeMode: String?, created: Int64, lastModified: Int64) {
    self.id = id
    self.needsSignature = needsSignature
    self.cors = cors
    self.invokeMode = invokeMode
    self.created = created
    self.lastModified = lastModified
  }
}
