import ArgumentParser

/// The configuration options that `functions create` and `functions update` share; what is not given is not sent.
struct FunctionSettings: ParsableArguments {
  @Option(help: ArgumentHelp("What to call, as in app.handler.", valueName: "handler"))
  var handler: String?

  @Option(help: ArgumentHelp("As in python3.11 or provided.al2023.", valueName: "runtime"))
  var runtime: String?

  @Option(help: ArgumentHelp("Role to store and show; it grants nothing here by itself.", valueName: "arn"))
  var role: String?

  @Option(help: ArgumentHelp("Memory limit in MB (128–10240); 1769 buy one full CPU.", valueName: "mb"))
  var memory: Int?

  @Option(help: ArgumentHelp("Seconds an invocation may take (1–900).", valueName: "s"))
  var timeout: Int?

  @Option(name: .customLong("ephemeral-storage"), help: ArgumentHelp("Size of /tmp in MB (512–10240).", valueName: "mb"))
  var ephemeralStorage: Int?

  @Option(
    name: .customLong("env"), help: ArgumentHelp("An environment variable; may be repeated, and replaces all there were.", valueName: "k=v")
  )
  var environment: [String] = []

  @Option(
    name: .customLong("layer"), help: ArgumentHelp("A layer version; may be repeated, later ones cover earlier ones.", valueName: "arn"))
  var layers: [String] = []

  @Option(help: ArgumentHelp("A line about what it does.", valueName: "text"))
  var description: String?

  func validate() throws {
    for variable in environment where !variable.contains("=") || variable.hasPrefix("=") {
      throw ValidationError("--env takes NAME=VALUE, not \(variable)")
    }
  }

  /// The members of AWS's CreateFunction and UpdateFunctionConfiguration. Ranges are checked by the daemon, as for every client.
  var members: [String: JSONValue] {
    var members = [String: JSONValue]()
    members["Handler"] = handler.map(JSONValue.string)
    members["Runtime"] = runtime.map(JSONValue.string)
    members["Role"] = role.map(JSONValue.string)
    members["MemorySize"] = memory.map { .integer(Int64($0)) }
    members["Timeout"] = timeout.map { .integer(Int64($0)) }
    members["EphemeralStorage"] = ephemeralStorage.map { .object(["Size": .integer(Int64($0))]) }
    members["Layers"] = layers.isEmpty ? nil : .array(layers.map(JSONValue.string))
    members["Description"] = description.map(JSONValue.string)
    members["Environment"] = environment.isEmpty ? nil : .object(["Variables": .object(variables)])
    return members
  }

  private var variables: [String: JSONValue] {
    environment.reduce(into: [:]) { variables, entry in
      let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      variables[String(parts[0])] = .string(String(parts[1]))
    }
  }
}
