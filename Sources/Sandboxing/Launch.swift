package import FunctionModel

/// How the runtime of one environment is started: program, working directory and environment variables.
package struct Launch: Sendable {
  /// The descriptor of the runtime's log channel, as it is on Lambda.
  package static let logChannel: UInt8 = 62

  package var arguments: [String]
  package var workingDirectory: String
  package var environment: [String: String]

  /// - Parameter entrypoint: path inside the sandbox.
  package init(
    version: FunctionVersion, image: RuntimeImage, entrypoint: String, logStream: String, metadataToken: String? = nil,
    credentials: FunctionCredentials? = nil
  ) {
    arguments = [entrypoint]
    workingDirectory = "/var/task"
    environment = Self.variables(version: version, image: image, logStream: logStream)
    environment["AWS_LAMBDA_METADATA_TOKEN"] = metadataToken
    environment["AWS_ACCESS_KEY_ID"] = credentials?.accessKeyID
    environment["AWS_SECRET_ACCESS_KEY"] = credentials?.secretAccessKey
    environment["AWS_SESSION_TOKEN"] = credentials?.sessionToken
  }

  /// The variables as recorded from the real service; a function's own override only what Lambda lets them.
  ///
  /// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
  private static func variables(version: FunctionVersion, image: RuntimeImage, logStream: String) -> [String: String] {
    var variables = overridable
    variables.merge(logVariables(version.logFormat)) { $1 }
    variables.merge(image.environment) { $1 }
    variables.merge(version.environment) { $1 }
    variables.merge(reserved(version: version, logStream: logStream)) { $1 }
    return variables
  }

  /// One program that needs to be told nothing.
  init(program: String) {
    arguments = [program]
    workingDirectory = "/"
    environment = [:]
  }

  private static let overridable = [
    "TZ": ":UTC",
    "LANG": "en_US.UTF-8",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
  ]

  /// What the clients of the runtimes format and filter their records by. A log in text has none.
  private static func logVariables(_ format: LogFormat) -> [String: String] {
    guard case .json(let application, _) = format else { return [:] }
    return ["AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": application.rawValue]
  }

  private static func reserved(version: FunctionVersion, logStream: String) -> [String: String] {
    let region = version.function.owner.region
    var variables = [
      "_HANDLER": version.handler,
      "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
      "_AWS_XRAY_DAEMON_PORT": "2000",
      "_LAMBDA_TELEMETRY_LOG_FD": String(logChannel),
      "AWS_REGION": region,
      "AWS_DEFAULT_REGION": region,
      "AWS_LAMBDA_FUNCTION_NAME": version.function.name,
      "AWS_LAMBDA_FUNCTION_VERSION": version.version,
      "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": String(version.memory.megabytes),
      "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
      "AWS_LAMBDA_LOG_GROUP_NAME": version.logGroup,
      "AWS_LAMBDA_LOG_STREAM_NAME": logStream,
      "AWS_LAMBDA_METADATA_API": "169.254.100.1:9001",
      "AWS_LAMBDA_RUNTIME_API": "169.254.100.1:9001",
      "LAMBDA_TASK_ROOT": "/var/task",
      "LAMBDA_RUNTIME_DIR": "/var/runtime",
    ]
    if !version.runtime.isProvided { variables["AWS_EXECUTION_ENV"] = "AWS_Lambda_\(version.runtime)" }
    return variables
  }
}
