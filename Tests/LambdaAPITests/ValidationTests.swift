import FunctionModel
import LambdaAPI
import NIOCore
import Testing

/// What CreateFunction and UpdateFunctionConfiguration refuse, and in which words.
@Suite struct ValidationTests {
  struct Refused: Sendable, CustomTestStringConvertible {
    var member: String
    var value: JSONValue
    var type = "ValidationException"
    var message: String
    var testDescription: String { "\(member) = \(value.text.prefix(60))" }
  }

  private static func one(_ value: String, _ path: String, _ rule: String) -> String {
    "1 validation error detected: Value '\(value)' at '\(path)' failed to satisfy constraint: Member must \(rule)"
  }

  private static let environment =
    "Lambda was unable to configure your environment variables because the environment variables you have provided "
  private static let layerOne = "arn:aws:lambda:us-east-1:000000000000:layer:one:1"

  static let refused: [Refused] = [
    Refused(member: "Timeout", value: .integer(0), message: one("0", "timeout", "have value greater than or equal to 1")),
    Refused(member: "Timeout", value: .integer(901), message: one("901", "timeout", "have value less than or equal to 900")),
    Refused(member: "MemorySize", value: .integer(127), message: one("127", "memorySize", "have value greater than or equal to 128")),
    Refused(member: "MemorySize", value: .integer(10_241), message: one("10241", "memorySize", "have value less than or equal to 10240")),
    Refused(
      member: "EphemeralStorage", value: ["Size": .integer(511)],
      message: one("511", "ephemeralStorage.size", "have value greater than or equal to 512")),
    Refused(
      member: "EphemeralStorage", value: ["Size": .integer(10_241)],
      message: one("10241", "ephemeralStorage.size", "have value less than or equal to 10240")),
    Refused(
      member: "Role", value: "nobody",
      message: one(
        "nobody", "role", #"satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"#)),
    Refused(member: "Handler", value: "a b", message: one("a b", "handler", #"satisfy regular expression pattern: [^\s]+"#)),
    Refused(
      member: "Description", value: .string(String(repeating: "d", count: 257)),
      message: one(String(repeating: "d", count: 257), "description", "have length less than or equal to 256")),
    Refused(
      member: "TracingConfig", value: ["Mode": "Sometimes"],
      message: one("Sometimes", "tracingConfig.mode", "satisfy enum value set: [Active, PassThrough]")),
    Refused(
      member: "Layers", value: .strings(["nonsense"]),
      message: one(
        "[nonsense]", "layers",
        "satisfy constraint: [Member must have length less than or equal to 140, Member must have length greater than or equal to 1, "
          + #"Member must satisfy regular expression pattern: (arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)"#
          + "|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+), Member must not be null]")),
    Refused(
      member: "Environment", value: ["Variables": ["1A": "secret"]],
      message: "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy "
        + "constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]"),
    Refused(
      member: "Environment", value: ["Variables": ["AWS_REGION": "x", "LAMBDA_TASK_ROOT": "y"]], type: "InvalidParameterValueException",
      message: environment + "contains reserved keys that are currently not supported for modification. Reserved keys used in this "
        + "request: AWS_REGION, LAMBDA_TASK_ROOT"),
    Refused(
      member: "Environment", value: ["Variables": ["KEY": .string(String(repeating: "v", count: 4_096))]],
      type: "InvalidParameterValueException",
      message: environment + "exceeded the 4KB limit. String measured: {\"KEY\":\"\(String(repeating: "v", count: 4_096))\"}"),
    Refused(
      member: "Layers", value: .strings((1...6).map { "arn:aws:lambda:us-east-1:000000000000:layer:l\($0):1" }),
      type: "InvalidParameterValueException", message: "Cannot reference more than 5 layers."),
    Refused(
      member: "Layers", value: .strings([layerOne]), type: "InvalidParameterValueException",
      message: "Layer version \(layerOne) does not exist."),
    Refused(
      member: "Layers", value: .strings(["arn:aws:lambda:eu-west-1:000000000000:layer:one:1"]), type: "InvalidParameterValueException",
      message: "Layers are not in the same region as the function. Layers are expected to be in region us-east-1."),
    Refused(
      member: "Runtime", value: "python3.7", type: "InvalidParameterValueException",
      message: "The runtime parameter of python3.7 is no longer supported for creating or updating AWS Lambda functions. We recommend you "
        + "use a supported runtime while creating or updating functions."),
    Refused(
      member: "Runtime", value: "java21", type: "InvalidParameterValueException",
      message: "The runtime java21 is not installed on this host. Available here: provided.al2023, python3.11."),
    Refused(
      member: "Runtime", value: "cobol", type: "InvalidParameterValueException",
      message: "Value cobol at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
        + "[\(RuntimeNames.valid.joined(separator: ", "))] or be a valid ARN"),
    Refused(
      member: "KMSKeyArn", value: "arn:aws:kms:us-east-1:000000000000:key/1", type: "InvalidParameterValueException",
      message: "KMSKeyArn is not supported by this release of Roost: environment variables are not encrypted with a key of the caller's."),
    Refused(
      member: "LoggingConfig", value: ["ApplicationLogLevel": "DEBUG"], type: "InvalidParameterValueException",
      message: "LogLevel is not supported when LogFormat is set to \"Text\". Remove LogLevel from your request or change the LogFormat to "
        + "\"Json\" and try again."),
    Refused(
      member: "LoggingConfig", value: ["LogFormat": "Text", "SystemLogLevel": "WARN"], type: "InvalidParameterValueException",
      message: "LogLevel is not supported when LogFormat is set to \"Text\". Remove LogLevel from your request or change the LogFormat to "
        + "\"Json\" and try again."),
    Refused(
      member: "Timeout", value: "3", type: "SerializationException", message: "STRING_VALUE can not be converted to an Integer"),
    Refused(
      member: "Environment", value: .array([]), type: "SerializationException", message: "START_ARRAY can not be converted to a Structure"),
  ]

  @Test(arguments: refused) func `a bad member is refused in AWS's words`(_ refused: Refused) async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        try await Deployment.create("existing", over: &connection)
        var change = JSONObject()
        change.add(refused.member, refused.value)
        for reply in [
          try await connection.request("PUT", "/2015-03-31/functions/existing/configuration", json: .object(change)),
          try await connection.request("POST", "/2015-03-31/functions", json: Deployment.body("new").adding(refused.member, refused.value)),
        ] {
          #expect(reply.status == 400)
          #expect(reply.errorType == refused.type)
          #expect(reply.message == refused.message)
          #expect((reply.json["Type"] == "User") == (refused.type == "InvalidParameterValueException"))
        }
      }
    }
  }

  static let refusedAtCreate: [Refused] = [
    Refused(
      member: "FunctionName", value: .string(String(repeating: "n", count: 65)), type: "InvalidParameterValueException",
      message: one(String(repeating: "n", count: 65), "functionName", "have length less than or equal to 64")),
    Refused(
      member: "FunctionName", value: .null,
      message:
        "1 validation error detected: Value null at 'functionName' failed to satisfy constraint: Member must not be null"),
    Refused(
      member: "Role", value: .null,
      message: "1 validation error detected: Value null at 'role' failed to satisfy constraint: Member must not be null"),
    Refused(
      member: "Handler", value: .null, type: "InvalidParameterValueException",
      message: "Runtime and Handler are mandatory parameters for functions created with deployment packages."),
    Refused(
      member: "Code", value: ["ZipFile": "bm90IGEgemlw"], type: "InvalidParameterValueException",
      message: "Could not unzip uploaded file. Please check your file, then try to upload again."),
    Refused(
      member: "Code", value: ["ZipFile": "%%%"], type: "SerializationException", message: "ZipFile is not valid Base64"),
    Refused(
      member: "Code", value: ["S3Bucket": "bucket", "S3Key": "key"], type: "InvalidParameterValueException",
      message: "S3Bucket and S3Key are not supported by this release of Roost"),
    Refused(
      member: "Code", value: ["ImageUri": "image"], type: "InvalidParameterValueException",
      message: "ImageUri is not supported by this release of Roost"),
    Refused(
      member: "Code", value: [:], type: "InvalidParameterValueException", message: "Please provide a source for function code."),
    Refused(
      member: "Architectures", value: .strings(["arm64"]), type: "InvalidParameterValueException",
      message: "This host runs functions for x86_64 only, not for arm64."),
    Refused(
      member: "Architectures", value: .strings(["mips"]),
      message: one(
        "[mips]", "architectures", "satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]")),
  ]

  @Test(arguments: refusedAtCreate) func `a bad creation is refused`(_ refused: Refused) async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        let reply = try await connection.request(
          "POST", "/2015-03-31/functions", json: Deployment.body("new").adding(refused.member, refused.value))
        #expect(reply.status == 400 && reply.errorType == refused.type)
        #expect(reply.message?.hasPrefix(refused.message) == true, "\(reply.message ?? "")")
        #expect(try await connection.request("GET", "/2015-03-31/functions").json["Functions"] == .array([]))
      }
    }
  }

  @Test func `all violations come in one answer`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        try await Deployment.create("hello", over: &connection)
        let reply = try await connection.request(
          "PUT", "/2015-03-31/functions/hello/configuration", json: ["Timeout": .integer(0), "MemorySize": .integer(1)])
        #expect(
          reply.message
            == "2 validation errors detected: Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater "
            + "than or equal to 1; Value '1' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128"
        )
      }
    }
  }

  @Test func `members that nobody knows are ignored`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        let reply = try await Deployment.create("hello", ["RuntimeConfig": ["X": .array([.null])], "Timeout": .null], over: &connection)
        #expect(reply.status == 201 && reply.json["Timeout"] == .integer(3))
      }
    }
  }

  @Test func `a body that is not JSON is told so`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        for body in ["{", "[]", "nonsense"] {
          let reply = try await connection.request("POST", "/2015-03-31/functions", body: body)
          #expect(reply.status == 400 && reply.errorType == "SerializationException")
        }
      }
    }
  }

  @Test func `a body over the limit is too large`() async throws {
    try await TestServer.with { server in
      try await RawConnection.with(port: server.port) { connection in
        try await connection.send("POST /2015-03-31/functions HTTP/1.1\r\nHost: x\r\nContent-Length: 70167212\r\n\r\n")
        let reply = try await connection.reply()
        #expect(reply.status == 413 && reply.errorType == "RequestEntityTooLargeException")
        #expect(reply.message == "Request must be smaller than 70167211 bytes for the CreateFunction operation")
        #expect(reply.json["Type"] == nil)
      }
    }
  }
}

extension JSONValue {
  /// With a member set anew.
  func adding(_ name: String, _ value: JSONValue) -> JSONValue {
    guard case .object(var object) = self else { return self }
    object.add(name, value)
    return .object(object)
  }
}
