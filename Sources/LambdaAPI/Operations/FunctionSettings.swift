internal import FunctionModel
internal import Store

/// The settings of a CreateFunction or UpdateFunctionConfiguration body, found valid; what is `nil` was not given.
struct FunctionSettings: Sendable {
  var runtime: Runtime?
  var handler: String?
  var role: String?
  var description: String?
  var timeoutSeconds: Int?
  var memory: MemorySize?
  var ephemeralStorage: MemorySize?
  var environment: [String: String]?
  var layers: [LayerReference]?
  var tracingMode: String?
  var logging = LoggingChange()
  var network: NetworkChange?
  /// By member name; an empty text takes the member away.
  var echoed: [String: String] = [:]

  /// Checks what AWS checks beyond the model, and refuses what this host would not enforce.
  init(_ body: JSONValue, service: LambdaService, caller: Owner) async throws(ServiceError) {
    try UnsupportedSettings.refuse(in: body)
    runtime = try body.member("Runtime")?.string.map { name throws(ServiceError) in
      try RuntimeNames.resolve(name, installed: service.configuration.runtimes.keys)
    }
    handler = body.member("Handler")?.string
    role = body.member("Role")?.string
    description = body.member("Description")?.string
    timeoutSeconds = body.member("Timeout")?.integer
    memory = body.member("MemorySize")?.integer.map(MemorySize.megabytes)
    ephemeralStorage = body.member("EphemeralStorage")?["Size"]?.integer.map(MemorySize.megabytes)
    environment = try body.member("Environment").map { value throws(ServiceError) in
      try EnvironmentVariables.checked(value.member("Variables"))
    }
    tracingMode = body.member("TracingConfig")?["Mode"]?.string
    logging = LoggingChange(body.member("LoggingConfig"))
    if let arns = body.member("Layers")?.array { layers = try await service.layers(arns.compactMap(\.string), caller: caller) }
    network = try NetworkChange(body.member("VpcConfig"), definitions: service.configuration.networks)
    echo(body)
  }

  private mutating func echo(_ body: JSONValue) {
    if let target = body.member("DeadLetterConfig") {
      echoed["DeadLetterConfig"] = (target["TargetArn"]?.string ?? "").isEmpty ? "" : target.text
    }
    if let apply = body.member("SnapStart")?["ApplyOn"] {
      let start: JSONValue = ["ApplyOn": apply, "OptimizationStatus": "Off"]
      echoed["SnapStart"] = start.text
    }
  }

  /// Writes what was given into a configuration.
  func apply(to function: inout FunctionConfiguration) throws(ServiceError) {
    try logging.apply(to: &function)
    if let runtime { function.runtime = runtime }
    if let handler { function.handler = handler }
    if let role { function.role = role }
    if let description { function.description = description }
    if let timeoutSeconds { function.timeoutSeconds = timeoutSeconds }
    if let memory { function.memory = memory }
    if let ephemeralStorage { function.ephemeralStorage = ephemeralStorage }
    if let environment { function.environment = environment }
    if let layers { function.layers = layers }
    if let tracingMode { function.tracingMode = tracingMode }
    if let network { function.network = network.config }
    for (name, text) in echoed { function.echoed[name] = text.isEmpty ? nil : text }
  }
}

/// Settings that AWS has and that this release would accept only to ignore. Each is refused with the reason; the rest of the unenforced
/// ones (DeadLetterConfig, SnapStart, TracingConfig) promise nothing that their absence breaks, and are echoed.
enum UnsupportedSettings {
  static func refuse(in body: JSONValue) throws(ServiceError) {
    for (member, reason) in reasons where isGiven(body.member(member)) {
      throw .invalidParameterValue("\(member) is not supported by this release of Roost: \(reason).")
    }
    if body.member("PackageType")?.string == "Image" {
      throw .invalidParameterValue("PackageType Image is not supported by this release of Roost: functions are zip archives.")
    }
  }

  private static let reasons: KeyValuePairs = [
    "KMSKeyArn": "environment variables are not encrypted with a key of the caller's",
    "FileSystemConfigs": "no file systems are mounted into functions",
    "ImageConfig": "functions are zip archives",
    "CodeSigningConfigArn": "code signatures are not checked",
    "CapacityProviderConfig": "there are no managed instances",
    "DurableConfig": "executions are not durable",
    "TenancyConfig": "environments are not kept apart by tenant",
    "PublishTo": "there are no managed instances",
  ]

  /// An empty value is what clients send for "none".
  private static func isGiven(_ value: JSONValue?) -> Bool {
    switch value {
    case nil, .null?: false
    case .string(let text)?: !text.isEmpty
    case .array(let elements)?: !elements.isEmpty
    case .object(let object)?: !object.isEmpty
    case .bool?, .number?: true
    }
  }
}

enum EnvironmentVariables {
  /// Names that Lambda sets itself.
  ///
  /// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime>
  private static let reserved: Set<String> = [
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
  ]

  static func checked(_ value: JSONValue?) throws(ServiceError) -> [String: String] {
    guard case .object(let object)? = value else { return [:] }
    var variables: [String: String] = [:]
    for member in object.members { variables[member.name] = member.value.string }
    let cause = "Lambda was unable to configure your environment variables because the environment variables you have provided "
    let taken = variables.keys.filter(reserved.contains).sorted()
    guard taken.isEmpty else {
      throw .invalidParameterValue(
        "\(cause)contains reserved keys that are currently not supported for modification. Reserved keys used in this request: "
          + taken.joined(separator: ", "))
    }
    let measured = JSONValue.map(variables).text
    guard measured.utf8.count <= Limits.environmentBytes else {
      throw .invalidParameterValue("\(cause)exceeded the 4KB limit. String measured: \(measured)")
    }
    guard !variables.contains(where: { $0.value.utf8.contains(0) }) else {
      throw .invalidParameterValue("\(cause)contains a value with a NUL byte, which no process can be given.")
    }
    return variables
  }
}
