import NIOHTTP1

/// What the Metadata API tells who knows the environment's token.
package struct EnvironmentMetadata: Sendable {
  package static let path = "/2026-01-15/metadata/execution-environment"

  /// A UUID, in `AWS_LAMBDA_METADATA_TOKEN`.
  package var token: String
  /// As in `use1-az1`.
  package var availabilityZoneID: String

  package init(token: String, availabilityZoneID: String) {
    self.token = token
    self.availabilityZoneID = availabilityZoneID
  }

  func reply(to headers: HTTPHeaders) -> RuntimeReply {
    guard let authorization = headers.first(name: "Authorization"), isAuthorized(authorization) else {
      return RuntimeReply(status: .unauthorized, contentType: "text/plain; charset=utf-8", body: "Unauthorized")
    }
    return RuntimeReply(
      status: .ok, contentType: "application/json",
      fields: [.init(name: "Cache-Control", value: "private, max-age=43200, immutable")],
      body: #"{"AvailabilityZoneID":\#(availabilityZoneID.quotedJSON)}"#)
  }

  /// Takes as long for a token that is nearly right as for one that is all wrong.
  private func isAuthorized(_ authorization: String) -> Bool {
    let (sent, expected) = (Array(authorization.utf8), Array("Bearer \(token)".utf8))
    guard sent.count == expected.count else { return false }
    return zip(sent, expected).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
