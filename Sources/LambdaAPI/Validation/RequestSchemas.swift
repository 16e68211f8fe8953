import FunctionModel

// The members that this release reads, with AWS's rules for them, in the order of AWS's model. Ranges that newer clients no longer check
// (memory, timeout, /tmp) are enforced here.
extension Schema {
  static let createFunction = Schema(
    [
      Member("FunctionName", .string, [.required, .length(1...140)]),
      Member("Runtime", .string),
      Member("Role", .string, [.required, role]),
      Member("Handler", .string, [.length(0...128), handler]),
      Member("Code", .structure(code + [Member("ImageUri", .string)]), [.required]),
      Member("PackageType", .string, [.oneOf(["Zip", "Image"])]),
      Member("Publish", .boolean),
      Member("Tags", .map),
      architectures,
      Member("CodeSigningConfigArn", .string, [.length(0...200)]),
    ] + configuration)

  static let updateFunctionConfiguration = Schema(
    [
      Member("Role", .string, [role]),
      Member("Handler", .string, [.length(0...128), handler]),
      Member("Runtime", .string),
      Member("RevisionId", .string),
    ] + configuration)

  static let updateFunctionCode = Schema(
    code + [
      Member("ImageUri", .string),
      Member("Publish", .boolean),
      Member("DryRun", .boolean),
      Member("RevisionId", .string),
      architectures,
    ])

  static let publishLayerVersion = Schema([
    Member("Description", .string, [.length(0...256)]),
    Member("Content", .structure(code), [.required]),
    Member("CompatibleRuntimes", .strings, [.length(0...15), .each([.oneOf(RuntimeNames.layerRuntimes), .required])]),
    Member("LicenseInfo", .string, [.length(0...512)]),
    Member("CompatibleArchitectures", .strings, [.length(0...2), .each([.oneOf(["x86_64", "arm64"]), .required])]),
  ])

  static let publishVersion = Schema([
    Member("CodeSha256", .string),
    Member("Description", .string, [.length(0...256)]),
    Member("RevisionId", .string),
  ])

  static let createAlias = Schema([
    Member("Name", .string, [.required, .length(1...128), .pattern(AliasNaming.pattern, AliasNaming.isName)]),
    Member("FunctionVersion", .string, [.required, .length(1...1_024), .pattern("(\\$LATEST|[0-9]+)", AliasNaming.isVersion)]),
    Member("Description", .string, [.length(0...256)]),
    routing,
  ])

  static let updateAlias = Schema([
    Member("FunctionVersion", .string, [.length(1...1_024), .pattern("(\\$LATEST|[0-9]+)", AliasNaming.isVersion)]),
    Member("Description", .string, [.length(0...256)]),
    routing,
    Member("RevisionId", .string),
  ])

  static let putFunctionConcurrency = Schema([
    Member("ReservedConcurrentExecutions", .integer, [.required, .value(0...Int(Int32.max))])
  ])

  static let addPermission = Schema([
    Member(
      "StatementId", .string, [.required, .length(1...100), .pattern("([a-zA-Z0-9-_]+)", { $0.utf8.allSatisfy(NameCharacters.isName) })]),
    Member("Action", .string, [.required, .pattern("(lambda:[*]|lambda:[a-zA-Z]+|[*])", isAction)]),
    Member("Principal", .string, [.required, .pattern("[^\\s]+", { !$0.isEmpty && !$0.contains(where: \.isWhitespace) })]),
    Member(
      "SourceArn", .string,
      [.pattern("arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1})?:(\\d{12})?:(.*)", isSource)]),
    Member("SourceAccount", .string, [.length(0...12), .pattern("\\d{12}", { NameCharacters.isAccount($0[...]) })]),
    Member("EventSourceToken", .string, [.length(0...256), .pattern("[a-zA-Z0-9._\\-]+", isToken)]),
    Member("RevisionId", .string),
    Member("PrincipalOrgID", .string, [.length(12...34), .pattern("^o-[a-z0-9]{10,32}$", isOrganization)]),
    Member("FunctionUrlAuthType", .string, [.oneOf(["NONE", "AWS_IAM"])]),
    Member("InvokedViaFunctionUrl", .boolean),
  ])

  static let eventInvokeConfig = Schema([
    Member("MaximumRetryAttempts", .integer, [.value(0...2)]),
    Member("MaximumEventAgeInSeconds", .integer, [.value(60...21_600)]),
    Member(
      "DestinationConfig",
      .structure([
        Member("OnSuccess", .structure([Member("Destination", .string, destination)])),
        Member("OnFailure", .structure([Member("Destination", .string, destination)])),
      ])),
  ])

  private static let destination: [Constraint] = [
    .length(0...350),
    .pattern(
      "$|kafka://([^.]([a-zA-Z0-9\\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1})?:(\\d{12})?:(.*)",
      { $0.isEmpty || isSource($0) }),
  ]

  static let createFunctionURL = Schema([Member("AuthType", .string, [.required, authTypes])] + url)
  static let updateFunctionURL = Schema([Member("AuthType", .string, [authTypes])] + url)

  private static let authTypes = Constraint.oneOf(["NONE", "AWS_IAM"])
  private static let url = [
    Member(
      "Cors",
      .structure([
        Member("AllowCredentials", .boolean),
        Member("AllowHeaders", .strings, [.length(0...100), .each([.length(0...1_024), .required])]),
        Member("AllowMethods", .strings, [.length(0...6), .each([.length(0...6), .required])]),
        Member("AllowOrigins", .strings, [.length(0...100), .each([.length(1...253), .required])]),
        Member("ExposeHeaders", .strings, [.length(0...100), .each([.length(0...1_024), .required])]),
        Member("MaxAge", .integer, [.value(0...86_400)]),
      ])),
    Member("InvokeMode", .string, [.oneOf(["BUFFERED", "RESPONSE_STREAM"])]),
  ]

  static let putRecursion = Schema([Member("RecursiveLoop", .string, [.required, .oneOf(["Allow", "Terminate"])])])

  static let putRuntimeManagement = Schema([
    Member("UpdateRuntimeOn", .string, [.required, .oneOf(["FunctionUpdate", "Auto", "Manual"])]),
    Member("RuntimeVersionArn", .string, [.length(26...2_048)]),
  ])

  private static func isAction(_ text: String) -> Bool {
    if text == "*" { return true }
    guard text.hasPrefix("lambda:") else { return false }
    let name = text.dropFirst(7)
    return name == "*" || !name.isEmpty && name.utf8.allSatisfy(NameCharacters.isLetter)
  }

  private static func isSource(_ text: String) -> Bool {
    let fields = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
    guard fields.count == 6, fields[0] == "arn", fields[1].hasPrefix("aws"), !fields[2].isEmpty else { return false }
    return (fields[3].isEmpty || NameCharacters.isRegion(fields[3])) && (fields[4].isEmpty || NameCharacters.isAccount(fields[4]))
  }

  private static func isToken(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { NameCharacters.isName($0) || $0 == UInt8(ascii: ".") }
  }

  private static func isOrganization(_ text: String) -> Bool {
    let name = text.dropFirst(2)
    return text.hasPrefix("o-") && (10...32).contains(name.utf8.count)
      && name.utf8.allSatisfy { (48...57).contains($0) || NameCharacters.isLowercase($0) }
  }

  private static let routing = Member(
    "RoutingConfig",
    .structure([
      Member(
        "AdditionalVersionWeights", .numbers,
        [
          .keys([.length(1...1_024), .pattern("[0-9]+", { AliasNaming.isVersion($0) && $0 != "$LATEST" }), .required]),
          .values([.share, .required]),
        ])
    ]))

  static let tagResource = Schema([Member("Tags", .map, [.required])])

  private static let code = [
    Member("ZipFile", .blob),
    Member("S3Bucket", .string, [.length(3...63)]),
    Member("S3Key", .string, [.length(1...1_024)]),
    Member("S3ObjectVersion", .string, [.length(1...1_024)]),
    Member("SourceKMSKeyArn", .string),
  ]

  private static let architectures = Member(
    "Architectures", .strings, [.length(1...1), .each([.oneOf(["x86_64", "arm64"]), .required])])

  /// What create and update of a configuration have in common.
  private static let configuration = [
    Member("Description", .string, [.length(0...256)]),
    Member("Timeout", .integer, [.value(Limits.timeout)]),
    Member("MemorySize", .integer, [.value(Limits.memory)]),
    Member(
      "VpcConfig",
      .structure([
        Member("SubnetIds", .strings, [.length(0...16), .each([.length(0...1_024), .pattern("subnet-[0-9a-z]*", isSubnet), .required])]),
        Member(
          "SecurityGroupIds", .strings,
          [.length(0...5), .each([.length(0...1_024), .pattern("sg-[0-9a-zA-Z]*", isSecurityGroup), .required])]),
        Member("Ipv6AllowedForDualStack", .boolean),
      ])),
    Member("DeadLetterConfig", .structure([Member("TargetArn", .string, [resource])])),
    Member(
      "Environment",
      .structure([Member("Variables", .map, [.keys([.pattern("[a-zA-Z]([a-zA-Z0-9_])+", isVariableName)])])])),
    Member("KMSKeyArn", .string, [resource]),
    Member("TracingConfig", .structure([Member("Mode", .string, [.oneOf(["Active", "PassThrough"])])])),
    Member(
      "Layers", .strings, [.each([.length(1...140), .pattern(LayerNaming.versionPattern, { LayerNaming.version($0) != nil }), .required])]),
    Member(
      "FileSystemConfigs",
      .structures([
        Member("Arn", .string, [.required, .length(0...200)]), Member("LocalMountPath", .string, [.required, .length(0...160)]),
      ]),
      [.length(0...1)]),
    Member(
      "ImageConfig",
      .structure([
        Member("EntryPoint", .strings, [.length(0...1_500)]), Member("Command", .strings, [.length(0...1_500)]),
        Member("WorkingDirectory", .string, [.length(0...1_000)]),
      ])),
    Member("EphemeralStorage", .structure([Member("Size", .integer, [.required, .value(Limits.ephemeralStorage)])])),
    Member("SnapStart", .structure([Member("ApplyOn", .string, [.oneOf(["PublishedVersions", "None"])])])),
    Member(
      "LoggingConfig",
      .structure([
        Member("LogFormat", .string, [.oneOf(["JSON", "Text"])]),
        Member("ApplicationLogLevel", .string, [.oneOf(["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"])]),
        Member("SystemLogLevel", .string, [.oneOf(["DEBUG", "INFO", "WARN"])]),
        Member("LogGroup", .string, [.length(1...512), .pattern("[\\.\\-_/#A-Za-z0-9]+", isLogGroup)]),
      ])),
    Member("CapacityProviderConfig", .structure([])),
    Member("DurableConfig", .structure([])),
    Member("TenancyConfig", .structure([])),
    Member("PublishTo", .string),
  ]

  private static let role = Constraint.pattern("arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+", isRole)
  private static let handler = Constraint.pattern("[^\\s]+", { !$0.isEmpty && !$0.contains(where: \.isWhitespace) })
  private static let resource = Constraint.pattern("(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()", isResource)

  private static func isRole(_ text: String) -> Bool {
    let fields = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
    guard fields.count == 6, fields[0] == "arn", NameCharacters.isPartition(fields[1]), fields[2] == "iam", fields[3].isEmpty,
      NameCharacters.isAccount(fields[4]), fields[5].hasPrefix("role")
    else { return false }
    let name = fields[5].dropFirst(4)
    return !name.isEmpty && name.utf8.allSatisfy { NameCharacters.isName($0) || "+=,.@/".utf8.contains($0) }
  }

  private static func isResource(_ text: String) -> Bool {
    guard !text.isEmpty else { return true }
    let fields = text.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
    return fields.count == 4 && fields[0] == "arn" && NameCharacters.isPartition(fields[1]) && !fields[2].isEmpty
  }

  private static func isSubnet(_ text: String) -> Bool {
    text.hasPrefix("subnet-") && text.utf8.dropFirst(7).allSatisfy { (48...57).contains($0) || (97...122).contains($0) }
  }

  private static func isSecurityGroup(_ text: String) -> Bool {
    text.hasPrefix("sg-")
      && text.utf8.dropFirst(3).allSatisfy { (48...57).contains($0) || (97...122).contains($0) || (65...90).contains($0) }
  }

  private static func isVariableName(_ text: String) -> Bool {
    guard let first = text.utf8.first, NameCharacters.isLetter(first), text.utf8.count > 1 else { return false }
    return text.utf8.allSatisfy { NameCharacters.isName($0) && $0 != UInt8(ascii: "-") }
  }

  private static func isLogGroup(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { NameCharacters.isName($0) || "./#".utf8.contains($0) }
  }
}
