import NIOHTTP1

/// What the programs of a sandbox can ask about the function that they serve, and where it runs.
package struct RegisteredFunction: Sendable {
  package var name: String
  package var version: String
  package var handler: String
  package var account: String
  /// Base names of the programs in `/opt/extensions` that will be started in the sandbox.
  package var externalExtensions: [String]
  package var metadata: EnvironmentMetadata

  package init(
    name: String, version: String, handler: String, account: String, externalExtensions: [String] = [], metadata: EnvironmentMetadata
  ) {
    self.metadata = metadata
    self.name = name
    self.version = version
    self.handler = handler
    self.account = account
    self.externalExtensions = externalExtensions
  }

  /// The answer to a registration.
  func registration(_ identifier: String, withAccountID: Bool) -> RuntimeReply {
    var body =
      #"{"functionName":\#(name.quotedJSON),"functionVersion":\#(version.quotedJSON),"handler":\#(handler.quotedJSON)"#
    if withAccountID { body += #","accountId":\#(account.quotedJSON)"# }
    return RuntimeReply(
      status: .ok, contentType: "application/json", fields: [.init(name: "Lambda-Extension-Identifier", value: identifier)],
      body: body + "}\n")
  }
}
