import ArgumentParser

/// `roost functions create NAME`
struct FunctionsCreateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Deploy a new function.",
    discussion: "Waits until the function is active.")

  /// Stored with functions that name no role. Nothing here assumes it.
  static let defaultRole = "arn:aws:iam::000000000000:role/roost"

  @Argument(help: ArgumentHelp("Its name.", valueName: "name"))
  var name: String

  @OptionGroup(title: "Code") var code: CodeSource
  @OptionGroup(title: "Configuration") var settings: FunctionSettings
  @OptionGroup var globals: GlobalOptions

  func validate() throws {
    if code.zip == nil, code.directory == nil { throw ValidationError("--zip FILE or --directory DIR is needed") }
    if settings.runtime == nil { throw ValidationError("--runtime is needed, as in --runtime python3.11") }
    if settings.handler == nil { throw ValidationError("--handler is needed, as in --handler app.handler") }
  }

  func run() async throws {
    var members = settings.members
    members["FunctionName"] = .string(name)
    members["Role"] = members["Role"] ?? .string(Self.defaultRole)
    members["Code"] = .object(["ZipFile": try code.member() ?? .null])
    let client = globals.client
    let created = try await client.createFunction(members)
    let function = try await client.settled(created["FunctionName"]?.text ?? name)
    try globals.report.show(function, identifiers: [function["FunctionArn"]?.text ?? name]) {
      FunctionsShowCommand.lines(of: function)
    }
  }
}

extension AdminClient {
  /// Waits until neither creation nor update is under way, and answers the configuration; a failed one is a failure.
  func settled(_ name: String) async throws -> JSONValue {
    let deadline = ContinuousClock.now + .seconds(60)
    while true {
      let function = try await function(name)
      let (state, update) = (function["State"]?.text, function["LastUpdateStatus"]?.text)
      if state == "Failed" || update == "Failed" {
        let reason = function["StateReason"]?.text ?? function["LastUpdateStatusReason"]?.text ?? "no reason given"
        throw CommandFailure(.failed, "\(name) could not be deployed: \(reason)")
      }
      if state != "Pending", update != "InProgress" { return function }
      guard ContinuousClock.now < deadline else {
        throw CommandFailure(.software, "\(name) is still \(state ?? "Pending") after a minute", hint: "roost functions show \(name)")
      }
      // A deployment takes tens of milliseconds; AWS has no call that waits for it.
      try await Task.sleep(for: .milliseconds(50))
    }
  }
}
