import ArgumentParser

/// `roost functions show NAME`
struct FunctionsShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one function's configuration.")

  @Argument(help: ArgumentHelp("The function's name or ARN.", valueName: "name"))
  var name: String

  @OptionGroup var globals: GlobalOptions

  func run() async throws {
    let function = try await globals.client.function(name)
    try globals.report.show(function, identifiers: [function["FunctionArn"]?.text ?? name]) { Self.lines(of: function) }
  }

  static func lines(of function: JSONValue) -> [String] {
    var facts = FactList()
    facts.add("name", function["FunctionName"]?.text)
    facts.add("ARN", function["FunctionArn"]?.text)
    facts.add("description", function["Description"]?.text.flatMap { $0.isEmpty ? nil : $0 })
    facts.add("state", state(of: function))
    facts.add("reason", function["StateReason"]?.text ?? function["LastUpdateStatusReason"]?.text)
    facts.add("runtime", function["Runtime"]?.text)
    facts.add("handler", function["Handler"]?.text)
    facts.add("role", function["Role"]?.text)
    facts.add("memory", function["MemorySize"]?.integer.map { "\($0) MB" })
    facts.add("timeout", function["Timeout"]?.integer.map { "\($0) s" })
    facts.add("/tmp", function["EphemeralStorage"]?["Size"]?.integer.map { "\($0) MB" })
    facts.add("code size", function["CodeSize"]?.integer.map(HumanUnits.size(bytes:)))
    facts.add("code SHA-256", function["CodeSha256"]?.text)
    for layer in function["Layers"]?.elements ?? [] { facts.add("layer", layer["Arn"]?.text) }
    for (key, value) in (function["Environment"]?["Variables"]?.members ?? [:]).sorted(by: { $0.key < $1.key }) {
      facts.add("variable", "\(key)=\(value.text ?? "")")
    }
    facts.add("modified", function["LastModified"]?.text)
    facts.add("revision", function["RevisionId"]?.text)
    return facts.lines()
  }

  /// `Active`, and how an update goes while it has not succeeded.
  private static func state(of function: JSONValue) -> String? {
    guard let state = function["State"]?.text else { return nil }
    guard let update = function["LastUpdateStatus"]?.text, update != "Successful" else { return state }
    return "\(state), update \(update)"
  }
}
