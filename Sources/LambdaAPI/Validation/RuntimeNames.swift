package import FunctionModel

/// The runtime identifiers AWS knows, and what becomes of a request for each.
package enum RuntimeNames {
  /// In the order of AWS's own message.
  package static let valid = [
    "nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x", "java17", "nodejs16.x", "java25",
    "dotnet8", "python3.10", "java11", "python3.11", "dotnet6", "java21", "nodejs18.x", "provided.al2", "ruby3.3", "ruby3.4", "java8.al2",
    "ruby3.2", "python3.8", "python3.9",
  ]

  /// No longer accepted by AWS.
  static let deprecated: Set<String> = [
    "nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x", "java8", "python2.7",
    "python3.6", "python3.7", "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1", "go1.x", "ruby2.5", "ruby2.7", "provided",
  ]

  /// What a layer may say it is compatible with, in the order of AWS's own message.
  static let layerRuntimes = [
    "ruby3.5", "ruby2.6", "dotnetcore1.0", "python3.7", "nodejs8.10", "nasa", "ruby2.7", "python2.7-greengrass", "dotnetcore2.0",
    "python3.8", "java21", "dotnet6", "dotnetcore2.1", "python3.9", "java11", "nodejs6.10", "provided", "dotnetcore3.1", "dotnet8",
    "java25",
    "java17", "nodejs", "nodejs4.3", "java8.al2", "go1.x", "dotnet10", "nodejs20.x", "go1.9", "byol", "nodejs10.x", "provided.al2023",
    "nodejs22.x", "python3.10", "java8", "nodejs12.x", "python3.11", "nodejs24.x", "nodejs8.x", "python3.12", "nodejs14.x", "nodejs8.9",
    "nodejs26.x", "python3.13", "python3.14", "nodejs16.x", "python3.15", "provided.al2", "nodejs4.3-edge", "nodejs18.x", "ruby3.2",
    "python3.4", "ruby3.3", "ruby3.4", "ruby2.5", "python3.6", "python2.7",
  ]

  /// The runtime of that name, if it is one and has an image among `installed`.
  package static func resolve(_ text: String, installed: some Collection<Runtime>) throws(ServiceError) -> Runtime {
    if let runtime = Runtime(text), installed.contains(runtime) { return runtime }
    if deprecated.contains(text) {
      throw .invalidParameterValue(
        "The runtime parameter of \(text) is no longer supported for creating or updating AWS Lambda functions. We recommend you use a "
          + "supported runtime while creating or updating functions.")
    }
    if valid.contains(text) {
      throw .invalidParameterValue(
        "The runtime \(text) is not installed on this host. Available here: \(installed.map(\.identifier).sorted().joined(separator: ", "))."
      )
    }
    throw .invalidParameterValue(
      "Value \(text) at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [\(valid.joined(separator: ", "))] "
        + "or be a valid ARN")
  }
}
