/// `AKID/20260131/us-east-1/lambda/aws4_request`.
package struct CredentialScope: Sendable, Hashable {
  package var accessKeyID, date, region, service, terminator: String

  package init(accessKeyID: String, date: String, region: String, service: String) {
    (self.accessKeyID, self.date, self.region, self.service, terminator) = (accessKeyID, date, region, service, "aws4_request")
  }

  /// `nil` unless `text` has five parts.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 5 else { return nil }
    (accessKeyID, date, region, service, terminator) = (parts[0], parts[1], parts[2], parts[3], parts[4])
  }

  /// The part that is signed.
  package var text: String { "\(date)/\(region)/\(service)/\(terminator)" }
}
